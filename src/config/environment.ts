// `${NAME}` and `${NAME:-default}` in the text of the configuration.

/** A text with its variables put in. */
export interface Substituted {
  readonly text: string;
  /** Variables whose value is now part of the text: it may be a secret, and is not shown. */
  readonly names: readonly string[];
  /** The text was one variable and nothing else: it may stand for a number, a boolean or a list. */
  readonly whole: boolean;
  readonly problem?: { readonly found: string; readonly expected: string };
}

const PLACE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces variables in one text. `:-` gives a default for a variable that is unset or empty, as in a shell; `$${` is
 * a literal `${`. An unset variable without a default is a problem that names it.
 */
export function substitute(source: string, env: NodeJS.ProcessEnv): Substituted {
  const names: string[] = [];
  let problem: Substituted['problem'];
  let whole = false;
  const text = source.replace(PLACE, (match: string, inner: string | undefined, end: string | undefined) => {
    if (inner === undefined) return '${';
    const variable = end === '}' ? VARIABLE.exec(inner) : null;
    if (variable === null) {
      problem ??= { found: JSON.stringify(match), expected: `\${NAME} or \${NAME:-default}; $\${ is a literal \${` };
      return '';
    }
    whole = match === source;
    const [, name = '', fallback] = variable;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined || (value === '' && fallback !== undefined)) {
      if (fallback !== undefined) return fallback;
      problem ??= {
        found: `\${${name}}, which is not set`,
        expected: `the environment variable ${name}, or a default: \${${name}:-...}`,
      };
      return '';
    }
    names.push(name);
    return value;
  });
  return { text, names, whole, ...(problem === undefined ? {} : { problem }) };
}

/**
 * What the text of a variable says where the schema wants something else than text: `8080` a number, `true` a boolean,
 * `a, b` a list. Undefined where it does not say that.
 */
export function retype(text: string, wanted: string): unknown {
  if (wanted === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (wanted === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (wanted === 'array') return text.split(/[\s,]+/).filter((item) => item !== '');
  return undefined;
}
