// What the document has to have, and what it may not.

/** The cases that were asked for, and the rows that answer: none of them may go missing. */
export const NAMED: Readonly<Record<string, readonly string[]>> = {
  'dot segments plain and encoded and with backslashes': [
    'dot segments',
    'one dot',
    'dot segments, encoded',
    'out of the prefix, encoded',
    'dot segments with backslashes',
  ],
  'encoded slashes': ['encoded slash'],
  'NUL and bad percent': ['NUL', 'NUL, encoded', 'NUL in a field', 'bad percent'],
  'CL+TE': ['CL and TE'],
  'differing CLs': ['differing CLs'],
  'bare LF': ['bare LF', 'bare LF behind a field', 'chunk with a bare LF'],
  'obs-fold': ['obs-fold', 'folded field'],
  'duplicate and empty Host': ['duplicate Host', 'empty Host'],
  '100-continue with 2 MB': ['100-continue with 2 MB'],
  '2,500 headers': ['2,500 headers'],
  'Connection: authorization': ['Connection: authorization'],
  'forged forwarding headers, also with underscores': [
    'forged X-Forwarded-For',
    'forged forwarding headers',
    'forged, with underscores',
  ],
  'an upstream’s Connection: x': ['Connection: x'],
  'duplicate Authorization': ['duplicate Authorization'],
  'a password with colons': ['password with colons'],
  'bad credentials on an optional-auth route (never anonymous)': ['bad credentials where none are needed'],
  'two users on one connection': ['two users on one connection'],
  'reset before the head of a reveal (one send)': ['reset before the head of a reveal', 'reset on a used connection'],
  'HEAD on a secret': ['HEAD on a secret'],
  'Content-Length short by one': ['body short by one', 'length short by one', 'length longer by one'],
  'refused connections': ['refused connections'],
  'SIGTERM in the middle of a reveal': ['SIGTERM in the middle of a reveal'],
  'Trailer with Content-Length': ['Trailer with Content-Length'],
  '304 with a length': ['304 with a length'],
  '10,000 addresses of one /64': ['10,000 addresses of one /64'],
  'IPv4-mapped addresses': ['IPv4-mapped addresses'],
  'rotating X-Forwarded-For': ['rotating X-Forwarded-For'],
  '200 slow bodies': ['200 slow bodies'],
  'random paths against the series count': ['random paths against the series count'],
  'metrics from the public port': ['metrics from the public port', 'the admin listener’s paths at the public port'],
};

/** Cases in which another proxy is known to be safer, and is said to be. Any other one is an error; so is one that is mended. */
export const KNOWN: ReadonlySet<string> = new Set(['two spaces']);
