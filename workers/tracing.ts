/**
 * OpenTelemetry traces: a run is one trace, with a span for each workflow, activity and signal of it.
 *
 * Off unless an OTLP endpoint is set by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`). Spans are sent in batches from the background; a collector that is away or
 * slow costs spans, never time or results of a run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sampler } from '@opentelemetry/sdk-trace-node';
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry-v2';

export type Tracing = {
  /** For the options of a client or worker. */
  plugins: OpenTelemetryPlugin[];
  /** Sends what is left, in two seconds at most: a collector that is away holds nobody up. */
  close: () => Promise<void>;
};

const CLOSE_MS = 2000;

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const;

/** What `gtr watch` and pages that follow a run ask every second, which is no part of any run. */
const WATCHING = /^(Describe|Query)Workflow/;

/** Traces of this process, whose spans bear `service` as their service's name (`OTEL_SERVICE_NAME` goes before it). */
export async function tracing(service: string): Promise<Tracing> {
  const on = ENDPOINTS.some((name) => process.env[name]) && process.env.OTEL_SDK_DISABLED !== 'true';
  if (!on) return { plugins: [], close: async () => {} };
  // Loaded here, as they would cost every process without traces a part of a second.
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
  const root: Sampler = {
    shouldSample: (_context, _traceId, name) => ({ decision: WATCHING.test(name) ? NOT_RECORD : RECORD_AND_SAMPLED }),
  };
  const provider = new sdk.NodeTracerProvider({
    resource,
    spanProcessors: [spanProcessor],
    sampler: new sdk.ParentBasedSampler({ root }),
  });
  provider.register();
  return {
    plugins: [new OpenTelemetryPlugin({ resource, spanProcessor, tracer: provider.getTracer('gtr') })],
    close: () => Promise.race([provider.shutdown().catch(() => {}), sleep(CLOSE_MS, undefined, { ref: false })]),
  };
}
