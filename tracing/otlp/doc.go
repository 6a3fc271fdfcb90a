// Package otlp sends traces to a collector by OTLP over HTTP, encoded as JSON, as
// configured by the environment variables of OpenTelemetry. The provider that it
// makes is for afflux.Traces:
//
//	provider, err := otlp.FromEnvironment(otlp.Options{Service: "orders"})
//	if err != nil {
//		return err
//	}
//	if provider != nil {
//		defer provider.Shutdown(context.WithoutCancel(ctx))
//		job.Set(afflux.Traces(provider))
//	}
//
// Only programs that import it link the SDK of OpenTelemetry.
package otlp
