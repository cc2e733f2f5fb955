// config/kubernetes/: held to the API of Kubernetes, to itself (labels, ports, volumes, secrets), and to a gateway that runs on
// its ConfigMap as its pod is confined, and answers its probes.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { CAN_CONFINE, startConfined, writableIn } from '../support/confined.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT, run, startCli } from '../support/process.ts';
import { HAS_REDIS, startRedis } from '../support/redis.ts';

const FOLDER = 'config/kubernetes/';

type Labels = Readonly<Record<string, string>>;

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly {
    readonly name: string;
    readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface Pod {
  readonly serviceAccountName: string;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsUser: number };
  readonly topologySpreadConstraints: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
}

interface Rule {
  readonly from?: readonly unknown[];
  readonly to?: readonly unknown[];
  readonly ports: readonly { readonly port: string | number; readonly protocol: string }[];
}

interface Spec {
  readonly serviceName?: string;
  readonly selector?: { readonly matchLabels?: Labels } & Labels;
  readonly podSelector?: { readonly matchLabels: Labels };
  readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
  readonly ports?: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  readonly replicas?: number;
  readonly maxUnavailable?: number;
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  readonly endpoints?: readonly { readonly port: string; readonly path: string }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  readonly spec: Spec;
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly files: readonly string[] }[];
  readonly images: readonly { readonly name: string; readonly newTag: string }[];
}

function read(file: string): Manifest[] {
  return parseAllDocuments(readDocument(FOLDER + file)).map((document): Manifest => document.toJS());
}

const kustomization: Kustomization = parse(readDocument(`${FOLDER}kustomization.yaml`));
const manifests = kustomization.resources.flatMap(read);
const [monitor] = read('monitoring/servicemonitor.yaml');

function only(kind: string, name = 'onetime-gateway'): Manifest {
  const [found, ...others] = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined || others.length > 0) throw new Error(`not one ${kind} ${name}`);
  return found;
}

const set = only('StatefulSet');
const service = only('Service');
const pods = only('Service', 'onetime-gateway-pods');
const policy = only('NetworkPolicy').spec;
const template = set.spec.template;
if (template === undefined) throw new Error('no pod');
const pod = template.spec;
const [container] = pod.containers;
if (container === undefined) throw new Error('no container');
const portOf = (name: string): number | undefined => container.ports.find((port) => port.name === name)?.containerPort;
const configText = readDocument(`${FOLDER}gateway.yaml`);

/** As the secret has them. */
const SECRET: Readonly<Record<string, string>> = {
  GATEWAY_IDENTITY_KEY: '7b'.repeat(32),
  GATEWAY_STORE: 'valkey://valkey:6379/0',
  GATEWAY_ADMIN_TOKEN_HASH: `sha256:${'0'.repeat(64)}`,
};

/** Debian's own Python has it, which need not be the one on PATH. */
const PYTHON = '/usr/bin/python3';
const HAS_MODELS = ((): boolean => {
  const has = spawnSync(PYTHON, ['-c', 'import kubernetes']).status === 0;
  return has || needs('python3-kubernetes', 'apt-get install python3-kubernetes');
})();

function findings(documents: readonly unknown[]): string[] {
  const { stdout, stderr, status } = spawnSync(PYTHON, [`${ROOT}test/package/kubernetes-models.py`], {
    input: JSON.stringify(documents),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

describe.runIf(HAS_MODELS)('the API of Kubernetes', () => {
  it('has every key of the manifests, of that type, and misses none', () => {
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([
      'Namespace',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Service',
      'Service',
      'ServiceAccount',
      'StatefulSet',
    ]);
    expect(findings(manifests)).toEqual([]);
  });

  it.each([
    ['a key that it does not know', { replica: 2 }, 'StatefulSet.spec.replica: V1StatefulSetSpec has no such key'],
    ['a value of another type', { replicas: '2' }, 'StatefulSet.spec.replicas: "2" is not int'],
    ['a key that is missing', { template: undefined }, /StatefulSet\.spec: .*`template`, must not be `None`/],
  ])('would show %s', (_what, over, finding) => {
    expect(findings([{ ...set, spec: { ...set.spec, ...over } }])).toEqual([expect.stringMatching(finding)]);
  });
});

/** No package of Debian's has one that is new enough, so that this one is not asked for. */
const HAS_KUBECTL = ((): boolean => {
  const { stdout } = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
  const has = /^Kustomize Version: v[5-9]\./m.test(stdout ?? '');
  if (!has)
    process.stderr.write('skipped: kubectl 1.27 or later is missing: https://kubernetes.io/docs/tasks/tools/\n');
  return has;
})();

describe.runIf(HAS_KUBECTL)('kubectl kustomize', () => {
  it('builds all of it, with the configuration under a name that changes with it', async () => {
    const { code, stdout, stderr } = await run('kubectl', ['kustomize', FOLDER]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const built = parseAllDocuments(stdout).map((document): Manifest & { data?: Labels } => document.toJS());
    expect(built).toHaveLength(manifests.length + 1);
    const map = built.find(({ kind }) => kind === 'ConfigMap');
    expect(map?.data).toEqual({ 'gateway.yaml': configText });
    expect(map?.metadata.name).toMatch(/^onetime-gateway-\w+$/);
    const builtPod = built.find(({ kind }) => kind === 'StatefulSet')?.spec.template?.spec;
    expect(builtPod?.volumes[0]?.configMap.name).toBe(map?.metadata.name);
    const { version } = JSON.parse(readDocument('package.json'));
    expect(builtPod?.containers[0]?.image).toBe(`onetime-gateway:${version}`);
    if (HAS_MODELS) expect(findings(built)).toEqual([]);
  });
});

describe('the manifests', () => {
  it('are all of the folder', () => {
    const files = readdirSync(ROOT + FOLDER).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml');
    const named = [...kustomization.resources, ...kustomization.configMapGenerator.flatMap(({ files: own }) => own)];
    expect(named.sort()).toEqual(files.sort());
    const component: Kustomization = parse(readDocument(`${FOLDER}monitoring/kustomization.yaml`));
    expect(component.resources).toEqual(['servicemonitor.yaml']);
  });

  it('select the pod wherever they select pods', () => {
    const selectors = [
      set.spec.selector?.matchLabels,
      service.spec.selector,
      pods.spec.selector,
      policy.podSelector?.matchLabels,
      only('PodDisruptionBudget').spec.selector?.matchLabels,
      ...pod.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels),
    ];
    expect(selectors).toHaveLength(7);
    for (const selector of selectors) {
      expect(Object.keys(selector ?? {}).length).toBeGreaterThan(0);
      expect(template.metadata.labels).toMatchObject(selector ?? {});
    }
  });

  it('lead to ports on which the gateway listens', () => {
    const { listen, admin } = parseConfig(configText, '/etc/onetime-gateway/gateway.yaml', SECRET);
    expect([portOf('http'), portOf('admin')]).toEqual([listen.port, admin.port]);
    // The address of the pod is no loopback address.
    expect([listen.host, admin.host]).toEqual(['0.0.0.0', '0.0.0.0']);
    expect(service.spec.ports?.map(({ targetPort }) => targetPort)).toEqual(['http']);
    expect(pods.spec.ports?.map(({ targetPort }) => targetPort)).toEqual(['admin']);
    expect(set.spec.serviceName).toBe(pods.metadata.name);
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
      expect(probe.httpGet.port).toBe('admin');
    }
  });

  it('mount what there is, and the gateway keeps all that it writes on the volume', () => {
    const volumes = [
      ...pod.volumes.map(({ name }) => name),
      ...(set.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
    ];
    expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.sort());
    expect(pod.volumes[0]?.configMap.name).toBe(kustomization.configMapGenerator[0]?.name);
    const [, , file = ''] = container.args;
    const mounted = container.volumeMounts.find(({ name }) => name === 'config');
    expect(file).toBe(`${mounted?.mountPath}/gateway.yaml`);
    const { audit } = parseConfig(configText, file, SECRET);
    const data = container.volumeMounts.find(({ name }) => name === 'data');
    expect(audit?.file).toBe(`${data?.mountPath}/audit.jsonl`);
    expect(audit?.keyFile).toBe(`${data?.mountPath}/audit.key`);
    // Of the user's own in the image.
    expect(readDocument('Dockerfile')).toContain(`VOLUME ${data?.mountPath}`);
  });

  it('give the gateway every variable that its configuration asks for, from the secret', () => {
    const asked = [...configText.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name).filter((name) => name !== 'NAME');
    const given = container.env.map(({ name }) => name);
    expect(given).toEqual(expect.arrayContaining(asked));
    expect([...given].sort()).toEqual(Object.keys(SECRET).sort());
    expect(new Set(container.env.map(({ valueFrom }) => valueFrom.secretKeyRef.name))).toEqual(
      new Set(['onetime-gateway']),
    );
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  it('leave time to be taken out of the service, to drain and to close', async () => {
    const [program, flag = '', script = ''] = container.lifecycle.preStop.exec.command;
    expect(program).toBe('node');
    const pauseMs = Number(/setTimeout\(\(\) => \{\}, ([\d_]+)\)/.exec(script)?.[1]?.replaceAll('_', ''));
    expect(readDocument('src/cli/serve.ts')).toContain('DRAIN_BOUND_MS = 25_000');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(pauseMs / 1000 + 25 + 10);
    // Long enough for the readiness probe, should the service be slow.
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(pauseMs / 1000).toBeGreaterThanOrEqual(periodSeconds * failureThreshold);
    expect(await run(process.execPath, [flag, script.replace('10_000', '1')])).toMatchObject({ code: 0, stderr: '' });
  });

  it('let at most one gateway be away at a time, of two', () => {
    expect(set.spec.replicas).toBe(2);
    expect(only('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
  });

  it('take every privilege away', () => {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.serviceAccountName).toBe(only('ServiceAccount').metadata.name);
    expect(only('Namespace').metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
  });

  it('let everybody reach the public port, Prometheus alone the admin port, and the gateway no network of the cluster', () => {
    const [callers, prometheus, ...more] = policy.ingress ?? [];
    expect(more).toEqual([]);
    expect(callers).toEqual({ ports: [{ port: 'http', protocol: 'TCP' }] });
    expect(prometheus?.ports).toEqual([{ port: 'admin', protocol: 'TCP' }]);
    // Both in one entry: that pod in that name space, not either of them.
    expect(prometheus?.from).toEqual([{ namespaceSelector: expect.anything(), podSelector: expect.anything() }]);
    const ports = policy.egress?.map((rule) => rule.ports.map(({ port }) => port));
    expect(ports).toEqual([[53, 53], [443], [6379]]);
    const { regions } = loadConfig(`${ROOT}${FOLDER}gateway.yaml`, SECRET);
    for (const { upstreams } of regions) {
      for (const upstream of upstreams) expect(new URL(upstream)).toMatchObject({ protocol: 'https:', port: '' });
    }
    for (const rule of policy.egress ?? []) expect(rule.to?.length).toBeGreaterThan(0);
  });

  it('have Prometheus ask where the metrics are', () => {
    expect(monitor?.kind).toBe('ServiceMonitor');
    expect(pods.metadata.labels).toMatchObject(monitor?.spec.selector?.matchLabels ?? { none: '' });
    expect(service.metadata.labels).not.toMatchObject(monitor?.spec.selector?.matchLabels ?? {});
    expect(monitor?.spec.endpoints).toEqual([expect.objectContaining({ port: 'admin', path: '/metrics' })]);
  });
});

describe.runIf(HAS_REDIS)('a gateway on the ConfigMap', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = openFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  /** As the pod has it, but for what only the pod has: its ports and its folder. */
  const written = (data: string): string =>
    folder.write('gateway.yaml', configText.replaceAll(/port: \d+/g, 'port: 0').replaceAll('/app/data', data));

  /** Of the startup, the readiness and the liveness probe. */
  const answers = (admin: string): Promise<number[]> => {
    const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
    return Promise.all(probes.map(async ({ httpGet }) => (await call(admin, 'GET', httpGet.path)).status));
  };

  it('is ready by its probes, shows its metrics, and asks whoever changes something for a token', async () => {
    await using engine = await startRedis();
    const file = written(folder.path);
    const env = { ...SECRET, GATEWAY_STORE: engine.url.replace('redis:', 'valkey:') };
    await using serving = await startCli(['serve', '--config', file], { env });
    const [, port = ''] = await serving.line(/"admin":"http:\/\/[^"]*:(\d+)"/);
    const admin = `http://127.0.0.1:${port}`;
    expect(await answers(admin)).toEqual([200, 200, 200]);
    const metrics = await call(admin, 'GET', monitor?.spec.endpoints?.[0]?.path ?? '');
    expect(metrics.body).toMatch(/^onetime_gateway_/m);
    expect((await call(admin, 'POST', '/admin/v1/reload')).status).toBe(401);
  });

  it.runIf(CAN_CONFINE)('runs as a user who is not root and can write nothing but its volume', async () => {
    await using engine = await startRedis();
    const data = writableIn(folder);
    const file = written(data);
    const env = { ...SECRET, GATEWAY_STORE: engine.url.replace('redis:', 'valkey:') };
    await using serving = await startConfined(data, ['serve', '--config', file], env);
    const [, port = ''] = await serving.line(/"admin":"http:\/\/[^"]*:(\d+)"/);
    expect(await answers(`http://127.0.0.1:${port}`)).toEqual([200, 200, 200]);
    const status = readFileSync(`/proc/${serving.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    serving.kill('SIGTERM');
    expect(await serving.exited).toEqual({ code: 0, signal: null });
    expect(readdirSync(data)).toEqual(expect.arrayContaining(['audit.jsonl', 'audit.key', 'audit.key.pub']));
  });

  it('does not start without the secret, and says which variable is missing', async () => {
    const env = { GATEWAY_IDENTITY_KEY: undefined, GATEWAY_STORE: undefined, GATEWAY_ADMIN_TOKEN_HASH: undefined };
    await using serving = await startCli(['serve', '--config', written(folder.path)], { env });
    expect(await serving.exited).toEqual({ code: 78, signal: null });
    expect(serving.stderr()).toContain('GATEWAY_STORE');
  });
});
