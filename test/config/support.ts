import { ConfigError, parseConfig } from '../../src/config/load.ts';

/** The least that works. */
export const REGIONS = `regions:
  us: { upstreams: ["https://us.onetimesecret.com"] }
  eu: { upstreams: ["https://eu.onetimesecret.com"] }
`;

/** The lines of the ConfigError that the text ends in; empty where it is accepted. */
export function errorsOf(text: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    parseConfig(text, 'g.yaml', env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}
