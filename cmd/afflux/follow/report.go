package follow

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes the result as a table.
func (r *Result) Print(out io.Writer) error {
	fmt.Fprintf(out, "engine at full speed    %7.1f M records/s through 2 buffers of %d bytes\n", r.Max/1e6, BufferBytes)
	fmt.Fprintf(out, "fill and read a buffer  %7.1f M records/s: the engine does %.2f of it\n", r.Buffer/1e6, r.Max/r.Buffer)
	fmt.Fprintf(out, "one raw loop            %7.1f M records/s: the engine does %.3f of it\n\n", r.Raw/1e6, r.Max/r.Raw)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "phase\tproducer\tconsumer\tdifference\tproducer follows after")
	for _, p := range r.Phases {
		settle := "not in this phase"
		if p.SettleMS != nil {
			settle = fmt.Sprintf("%.0f ms", *p.SettleMS)
		}
		fmt.Fprintf(w, "%s\t%.1f %%\t%.1f %%\t%.3f %%\t%s\n", p.Name, 100*p.Producer, 100*p.Consumer, 100*(p.Producer-p.Consumer)/p.Consumer, settle)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nRates are of full speed, from %v after each change on. The producer follows\nonce it is within %.0f %% of the consumer in %d windows of %v in a row.\n", Settle, 100*tolerance, inARow, Window)
	return err
}
