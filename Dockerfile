# Builds onetime-gateway from its sources; the image that comes of it holds compiled code and run-time packages only.
FROM node:26-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json tsconfig.page.json ./
COPY scripts/copy-page.mjs scripts/copy-page.mjs
COPY src src
RUN npx tsc -p tsconfig.build.json && npx tsc -p tsconfig.page.json --noEmit false && node scripts/copy-page.mjs && npm prune --omit=dev --no-audit --no-fund

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json package.json
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY config config
# The store and the identity key: all that is written. The shipped configuration keeps them here, and so does one that
# is mounted as /app/gateway.yaml.
RUN install -d -o node -g node -m 700 data
VOLUME /app/data
USER node
# Callers; operators. The admin port answers outside of the container only where admin.host is 0.0.0.0.
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.GATEWAY_ADMIN_PORT || 9464}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
