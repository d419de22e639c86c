/**
 * OpenTelemetry traces: a run is one trace, with a span for each workflow, activity and signal of it.
 *
 * Off unless an OTLP endpoint is set by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`). Spans are sent in batches in the background; if the collector is unreachable
 * or slow, spans are lost, but runs are neither delayed nor changed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sampler } from '@opentelemetry/sdk-trace-node';
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry-v2';

export type Tracing = {
  /** For the options of a client or worker. */
  plugins: OpenTelemetryPlugin[];
  /** Sends the rest, in two seconds at most, so that an unreachable collector holds nothing up. */
  close: () => Promise<void>;
};

const CLOSE_MS = 2000;

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const;

/** Looks of `gtr watch`, of live pages and of long activities, which are not part of a run. */
const WATCHING = /^(Describe|Query)Workflow/;

/** Traces of this process, whose spans have the service name `service` (`OTEL_SERVICE_NAME` takes precedence). */
export async function tracing(service: string): Promise<Tracing> {
  const on = ENDPOINTS.some((name) => process.env[name]) && process.env.OTEL_SDK_DISABLED !== 'true';
  if (!on) return { plugins: [], close: async () => {} };
  // Loaded here, so that processes without traces do not spend a fraction of a second on it.
  const [{ OpenTelemetryPlugin }, { OTLPTraceExporter }, resources, sdk] = await Promise.all([
    import('@temporalio/interceptors-opentelemetry-v2'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-node'),
  ]);
  const named = resources.resourceFromAttributes({ 'service.name': service });
  const resource = resources
    .defaultResource()
    .merge(named)
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const spanProcessor = new sdk.BatchSpanProcessor(new OTLPTraceExporter());
  const { NOT_RECORD, RECORD_AND_SAMPLED } = sdk.SamplingDecision;
  const watched: Sampler = {
    shouldSample: (_context, _traceId, name) => ({ decision: WATCHING.test(name) ? NOT_RECORD : RECORD_AND_SAMPLED }),
  };
  const provider = new sdk.NodeTracerProvider({
    resource,
    spanProcessors: [spanProcessor],
    sampler: new sdk.ParentBasedSampler({ root: watched, localParentSampled: watched }),
  });
  provider.register();
  return {
    plugins: [new OpenTelemetryPlugin({ resource, spanProcessor, tracer: provider.getTracer('gtr') })],
    close: () => Promise.race([provider.shutdown().catch(() => {}), sleep(CLOSE_MS, undefined, { ref: false })]),
  };
}
