// What the server answers. Shares are 0..1; null or absent means unknown.

export type Maybe<T> = T | null | undefined;

export type Severity = "critical" | "warning" | "note";

export interface Finding {
  operator: string;
  subtask: number;
  cause: string;
  words?: string;
  evidence: string;
  remedy: string;
  avoid?: string;
  severity: Severity;
}

export type Level = "OK" | "LOW" | "HIGH";

export interface Operator {
  id: number;
  name: string;
  kind: string;
  chain: number;
  parallelism: number;
  outside?: string;
  in: Maybe<number>;
  out: Maybe<number>;
  busy: Maybe<number>;
  idle: Maybe<number>;
  blocked: Maybe<number>;
  external: Maybe<number>;
  own: Maybe<number>;
  max_own: Maybe<number>;
  hottest: Maybe<number>;
  level: Maybe<Level>;
  lag: Maybe<number>;
  lag_growth: Maybe<number>;
  watermark_delay_seconds: Maybe<number>;
  late: Maybe<number>;
  dead_lettered: Maybe<number>;
  skipped: Maybe<number>;
  state_bytes: Maybe<number>;
  finished?: boolean;
}

export interface HotKey {
  key: string;
  share: number;
  error?: number;
}

export interface Edge {
  from: number;
  to: number;
  kind: string;
  records_per_second: Maybe<number>;
  bytes_per_second: Maybe<number>;
  blocked: Maybe<number>;
  in_flight_bytes: Maybe<number>;
  window_bytes: Maybe<number>;
  bound_bytes: Maybe<number>;
  pressure_starts?: boolean;
  hot_keys?: Maybe<HotKey[]>;
}

export interface Latency {
  from: number;
  to: number;
  kind: string;
  count: number;
  p50_ms: Maybe<number>;
  p99_ms: Maybe<number>;
  p999_ms: Maybe<number>;
  max_ms: Maybe<number>;
}

export interface CheckpointTotals {
  completed: number;
  failed: number;
  in_progress: number;
  failed_since_last?: number;
  failure?: string;
}

export interface Memory {
  in_flight_bytes: Maybe<number>;
  in_flight_bound_bytes: Maybe<number>;
  peak_in_flight_bytes: Maybe<number>;
  heap_bytes: Maybe<number>;
  limit_bytes: Maybe<number>;
  gc_share: Maybe<number>;
  cpu: Maybe<number>;
  processors: Maybe<number>;
}

export interface Overview {
  at: string;
  job: {
    name: string;
    state: string;
    error?: string;
    started: string;
    uptime_seconds: number;
    restarts: number;
  };
  health: { healthy: boolean; findings: Maybe<Finding[]> };
  memory: Maybe<Memory>;
  operators: Operator[];
  edges: Edge[];
  latencies?: Maybe<Latency[]>;
  checkpoints?: Maybe<CheckpointTotals>;
  dead_letters?: Maybe<number>;
}

export interface Gauge {
  name: string;
  labels?: string[];
  value: number;
}

export interface Subtask {
  index: number;
  state: string;
  in: Maybe<number>;
  out: Maybe<number>;
  busy: Maybe<number>;
  idle: Maybe<number>;
  blocked: Maybe<number>;
  external: Maybe<number>;
  own: Maybe<number>;
  watermark_delay_seconds: Maybe<number>;
  lag: Maybe<number>;
  late: Maybe<number>;
  dead_lettered: Maybe<number>;
  skipped: Maybe<number>;
  state_bytes: Maybe<number>;
  state_share: Maybe<number>;
  calls_in_flight: Maybe<number>;
  call_limit: Maybe<number>;
  splits: Maybe<number>;
  counters?: Maybe<Record<string, number>>;
  gauges?: Maybe<Gauge[]>;
}

export interface OperatorDetail {
  id: number;
  name: string;
  kind: string;
  outside?: string;
  subtasks: Subtask[];
}

export const seriesNames = [
  "throughput",
  "lag",
  "watermark_delay_seconds",
  "latency_p99_ms",
  "pressure",
  "in_flight_bytes",
  "heap_bytes",
  "busiest",
] as const;
export type SeriesName = (typeof seriesNames)[number];

export interface History {
  interval_seconds: number;
  at: number[];
  series: Partial<Record<SeriesName, Maybe<number>[]>>;
}

export interface CheckpointPart {
  task: string;
  subtask: number;
  acknowledged_after_ns: number;
}

export interface CheckpointRecord {
  id: number;
  kind: string;
  state: "in_progress" | "complete" | "failed";
  phase: string;
  reason?: string;
  began: string;
  duration_ns: number;
  bytes: number;
  in_flight_bytes: number;
  max_start_delay_ns: number;
  max_alignment_ns: number;
  max_sync_ns: number;
  max_async_ns: number;
  expected_subtasks: number;
  subtasks: Maybe<CheckpointPart[]>;
}

export interface Checkpoints {
  totals: CheckpointTotals;
  history: CheckpointRecord[];
}

export interface DeadLetters {
  total: number;
  values_shown: boolean;
  reasons: Maybe<{ operator: string; reason: string; count: number }[]>;
  last: Maybe<
    { at: string; operator: string; subtask: number; origin?: string; reason: string; value?: Maybe<string> }[]
  >;
}

export interface Frame {
  name: string;
  ms: number;
  children?: Maybe<Frame[]>;
}

export interface Profile {
  seconds: number;
  total_ms: number;
  root: Frame;
}
