// What docs/robustness.md says around its tables.

export const COMMAND = 'npm run robustness';

export const INTRODUCTION = `# What an attack or a fault comes to

This gateway stands where everyone's secrets pass. So it was asked, case by case: if a caller sends something odd, or a region
answers with something broken, what comes of it? And would a proxy that everybody knows have done better?

Each row is one such case. The bytes were sent over a socket to the gateway as a process of its own, and to nginx, HAProxy and
Caddy as Debian has them, each before a region that keeps what it is sent. A cell has three lines: how well it went, what came
back to the caller, and what reached the region.

- **safe**: what is doubtful reaches no region, and what is broken is told as that, with a whole answer of 5xx. Nothing is
  sent twice, the process lives, the next caller gets its own answer, and no answer names an address behind the proxy.
- **weak**: the request was repaired and sent on, or sent on unseen; a broken answer was cut off in the caller's hands, or
  got no answer; others have to wait.
- **unsafe**: what is doubtful was sent on as it came; a broken answer looks whole; something was sent twice; somebody else
  was harmed.

A program decides which of these it is (\`test/robustness/judge.ts\`), with the same questions to all four. It knows three grades and
no shades: of two that are safe, one may be the kinder. Much of what is weak here RFC 9112 allows, and some of it other
applications need: an absolute target, a lone LF, a body that the connection ends. Before a call that can be made once, and a
secret that one person may see, nobody should have to guess.

The three have what somebody gives them who knows their manuals (\`test/robustness/peer-*.ts\`): one prefix, the address of the
client and nobody else's word for it, the same times, whole requests before anything is sent where that can be had. They are not
told what the API is, so what only a table of routes can know (a path that the API does not have, HEAD on a secret) they pass
on; rules of one's own could teach them some of it. "Does not apply" comes with its reason.

This file is made by \`${COMMAND}\`, and every row is a test, too. Do not edit it.
`;

export const ON_CALLERS = `A word behind a status is \`Onetime-Gateway-Outcome\`: \`not_sent\`, \`unknown\` or \`delivered\`. A connection that had not ended
after four seconds is "left open"; all others had. Where two answers came, another request was sent behind the odd one, and was
served. Over HTTP/2 ("h2") a stream that was ended is a "reset", a connection a "GOAWAY", each with its code.`;

export const ON_REGIONS = `Each was sent one \`POST /api/v1/secret/KEY\`, which destroys a secret, unless its row says something else. \`502 unknown\` tells the
caller that the secret may be gone; "not whole" is an answer that broke off in the caller's hands.`;

export const ON_SCENARIOS = `Crowds, accounts, signals. The gateway stands between two regions here, as shipped or with the bound that the row is about; the
others have what each row needs.`;
