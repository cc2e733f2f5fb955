// The walk that `demo` prints: numbered curl lines that work when pasted, in order, into one shell.

export interface Step {
  readonly title: string;
  /** Shell lines. */
  readonly lines: readonly string[];
}

/** An account of a twin region, as `curl -u` takes it. */
export interface WalkAccounts {
  readonly us: string;
  readonly eu: string;
}

/** @param gateway and admin base URLs of the two listeners */
export function walk(gateway: string, admin: string, accounts: WalkAccounts): Step[] {
  const field = (name: string): string => `sed -E 's/.*"${name}":"([^"]+)".*/\\1/'`;
  return [
    {
      title: 'Create a secret as an account that lives in us. One address, no region named.',
      lines: [
        `US=$(curl -s -u ${accounts.us} -d 'secret=from the us' -d ttl=3600 ${gateway}/api/v1/share); echo "$US"`,
      ],
    },
    {
      title: 'The same call as an account that lives in eu. The header says which region answered.',
      lines: [
        `EU=$(curl -s -u ${accounts.eu} -d 'secret=from the eu' -d ttl=3600 ${gateway}/api/v1/share); echo "$EU"`,
        `curl -s -D - -o /dev/null -u ${accounts.eu} ${gateway}/api/v1/authcheck | grep -i onetime-gateway`,
      ],
    },
    {
      title: 'Retrieve the first one anonymously: the gateway knows which region holds it. A second time it is gone.',
      lines: [
        `KEY=$(echo "$US" | ${field('secret_key')})`,
        `curl -s -X POST ${gateway}/api/v1/secret/$KEY; echo`,
        `curl -s -X POST ${gateway}/api/v1/secret/$KEY; echo`,
      ],
    },
    {
      title: 'Repeat safely: with an Idempotency-Key the first answer comes again, and nothing is sent twice.',
      lines: [
        `for i in 1 2; do curl -s -i -u ${accounts.us} -H 'Idempotency-Key: demo-0123456789abcdef' -d secret=once ${gateway}/api/v1/share | grep -iE 'idempotency|secret_key'; done`,
      ],
    },
    {
      title: 'Metadata of the second one, as its owner.',
      lines: [
        `META=$(echo "$EU" | ${field('metadata_key')})`,
        `curl -s -u ${accounts.eu} ${gateway}/api/v1/private/$META; echo`,
      ],
    },
    {
      title: 'Burn it (the answer shows its state before), then list what the account made.',
      lines: [
        `curl -s -u ${accounts.eu} -X POST ${gateway}/api/v1/private/$META/burn; echo`,
        `curl -s -u ${accounts.eu} ${gateway}/api/v1/private/recent; echo`,
      ],
    },
    {
      title: 'Refused: a private route without credentials (401), an account outside its region (403).',
      lines: [
        `curl -s -i ${gateway}/us/api/v1/private/$META; echo`,
        `curl -s -u ${accounts.eu} -d secret=x ${gateway}/us/api/v1/share; echo`,
      ],
    },
    {
      title: 'A client that guesses keys is limited: 404 while its allowance lasts, then 429.',
      lines: [
        `for i in $(seq 10); do curl -s -o /dev/null -w '%{http_code} ' -X POST ${gateway}/us/api/v1/secret/nosuchkey00000000000000000000$i; done; echo`,
        `curl -s -i -X POST ${gateway}/us/api/v1/secret/nosuchkey000000000000000000000; echo`,
      ],
    },
    {
      title: 'What Prometheus sees.',
      lines: [
        `curl -s ${admin}/metrics | grep -E '^onetime_gateway_(requests|decisions|limited)_total' | grep -v ' 0$'`,
      ],
    },
  ];
}

/** The walk as text for a terminal. */
export function walkText(steps: readonly Step[]): string {
  return steps
    .map(({ title, lines }, index) => `${index + 1}. ${title}\n\n${lines.map((line) => `   ${line}\n`).join('')}`)
    .join('\n');
}
