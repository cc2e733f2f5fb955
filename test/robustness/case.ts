// What a case is: something hostile or broken, said by a caller or by a region, and what is asked of a proxy in between.
import type { Answer } from './answers.ts';
import type { Framed } from './http2-exchange.ts';
import type { Variant } from './subjects.ts';
import type { Behave } from './witness.ts';

/** What was seen of one case at one proxy. */
export interface Observation {
  /** In the order in which they came back on the caller's connection; those before 200 are left out. */
  readonly answers: readonly Answer[];
  /** Everything that came back, one character a byte. */
  readonly received: string;
  /** Whether the proxy ended the connection, or each stream of it; else it was looked at until the bound. */
  readonly closed: boolean;
  /** How HTTP/2 says that a stream or a connection was ended for what was sent on it. */
  readonly errors: readonly string[];
  /** Whole requests that the region was sent, one character a byte. */
  readonly requests: readonly string[];
  /** What the region was sent of requests that never became whole, likewise. */
  readonly unfinished: readonly string[];
  /** Whether the caller that came afterwards got its own answer, and the region its one request. */
  readonly nextIsServed: boolean;
  /** Whether the proxy's process is the same as before. */
  readonly lives: boolean;
}

/** From the best to the worst. */
export const GRADES = ['safe', 'weak', 'unsafe'] as const;
export type Grade = (typeof GRADES)[number];

export interface Judgement {
  readonly grade: Grade;
  /** What is wrong; nothing where it is safe. */
  readonly why?: string;
}

/** Cases of one kind, in the order of the document. */
export interface Section {
  readonly title: string;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly name: string;
  readonly by: 'caller' | 'region';
  /** In words, for the table. */
  readonly sent: string;
  /** What the caller sends, one character a byte. */
  readonly bytes: string;
  /** In place of bytes: it comes over HTTP/2. */
  readonly framed?: Framed;
  /** So many frames that the connection may be reset before what was said at its end is read: no matter how it is ended. */
  readonly isFlood?: true;
  /** Sent when 100 Continue has come. */
  readonly behind100?: string;
  /** The caller ends its side behind the bytes. */
  readonly ends?: true;
  /** Behind the bytes comes one more every 100 ms, for as long as it is let. */
  readonly drips?: true;
  /** An ordinary call has come before, so that the connection to the region is a used one. */
  readonly isWarm?: true;
  /** What the proxies are told beside what all are. */
  readonly variant?: Variant;
  /** The address that it is sent from. */
  readonly from?: string;
  /** How long the connection is looked at; as a rule, longer than any time that a proxy is given here. */
  readonly boundMs?: number;
  /** What the region does; left out, it answers 200. */
  readonly region?: Behave;
  /** No connection to the region can be opened. */
  readonly isAway?: true;
  /** Why the gateway is no better than `weak`, as whole sentences. */
  readonly because?: string;
  /** Why it cannot be asked of some, by their names. */
  readonly lacking?: Readonly<Record<string, string>>;
  /** What is asked of every proxy alike. */
  readonly judge: (seen: Observation) => Judgement;
  /** What the gateway's caller gets, and how often the region is asked. */
  readonly gateway: {
    /** 0: the connection ends without an answer. */
    readonly status: number;
    readonly outcome?: 'not_sent' | 'unknown' | 'delivered';
    readonly requests: number;
    /** Where it is not safe, and why that is not mended: what the document says of it, too. */
    readonly weak?: string;
    /** Over HTTP/2: how it is ended. */
    readonly error?: string;
  };
}
