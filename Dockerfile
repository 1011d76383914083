# syntax=docker/dockerfile:1
# The hub with PostgreSQL or SQLite. compose.yaml starts it; docs/operations.md says how.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts && npm run build

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    FIRMA_MODE=production \
    FIRMA_HOST=0.0.0.0 \
    FIRMA_DATA=/data
WORKDIR /app
COPY --from=build /src/package.json /src/package-lock.json /src/LICENSE ./
COPY --from=build /src/packages/receiver/package.json packages/receiver/package.json
COPY --from=build /src/packages/receiver/dist packages/receiver/dist
COPY --from=build /src/packages/hub/package.json packages/hub/package.json
COPY --from=build /src/packages/hub/dist packages/hub/dist
# What the lock file names, and nothing for development.
RUN npm ci --omit=dev --ignore-scripts --workspace packages/receiver --workspace packages/hub \
    && npm cache clean --force \
    && ln -s /app/packages/hub/dist/cli/main.js /usr/local/bin/firma \
    && install --directory --owner=node --group=node --mode=700 /data
USER node
VOLUME /data
EXPOSE 4000
# The process itself gets the signal; it finishes what is under way within 10 seconds, and refreshes that were sent within 5 minutes.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["node", "-e", "fetch('http://127.0.0.1:4000/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["firma"]
CMD ["start"]
