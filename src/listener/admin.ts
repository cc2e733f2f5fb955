// The admin listener: metrics, liveness and readiness. It never serves the API, and the public one never serves this.
import Fastify, { type FastifyInstance } from 'fastify';

export interface AdminOptions {
  readonly scrape: () => Promise<{ body: string; contentType: string }>;
  /** False before the public listener listens and while draining. */
  readonly isReady: () => boolean;
}

/** GET /metrics (Prometheus text), /livez (the process answers), /readyz (200 ready, 503 starting or draining). */
export function createAdminListener({ scrape, isReady }: AdminOptions): FastifyInstance {
  const admin = Fastify({ logger: false, forceCloseConnections: true, requestTimeout: 10_000 });
  admin.get('/metrics', async (_request, reply) => {
    const { body, contentType } = await scrape();
    return reply.header('content-type', contentType).header('cache-control', 'no-store').send(body);
  });
  admin.get('/livez', (_request, reply) => reply.send({ status: 'live' }));
  admin.get('/readyz', (_request, reply) => {
    const ready = isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  admin.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ message: 'The admin listener serves /metrics, /livez and /readyz.' }),
  );
  return admin;
}
