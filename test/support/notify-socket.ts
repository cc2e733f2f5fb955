// The socket on which systemd hears of its services, without systemd: a real one for datagrams, of a path or abstract.
import { type Running, start } from './process.ts';

const SCRIPT = `
import json, socket, sys
address = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + address[1:] if address[0] == '@' else address)
print('bound', flush=True)
while True:
    print(json.dumps(s.recv(4096).decode().strip().split('\\n')), flush=True)
`;

export interface NotifySocket extends AsyncDisposable {
  /** As NOTIFY_SOCKET has it. */
  readonly address: string;
  /** The lines of each message so far, without those by which systemd-notify waits for its reader. */
  messages(): string[][];
  /** Resolves when a message with this line has come, which may be long ago. */
  heard(line: RegExp): Promise<RegExpExecArray>;
}

/** @param address a path, or a name after `@`, which is in no folder */
export async function openNotifySocket(address: string): Promise<NotifySocket> {
  const listener: Running = await start('python3', ['-u', '-c', SCRIPT, address]);
  await listener.line(/^bound$/m);
  return {
    address,
    messages: () =>
      listener
        .stdout()
        .split('\n')
        .filter((line) => line.startsWith('['))
        .map((line): string[] => JSON.parse(line))
        .filter(([first]) => first !== 'BARRIER=1'),
    heard: (line) => listener.line(line),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}
