// Command hot-items counts the clicks on each item over the last minute.
package main

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/window"
)

// Click is a click on an item of the shop.
type Click struct {
	Item string    `json:"item"`
	At   time.Time `json:"at"`
}

func main() {
	job := afflux.NewJob("hot-items")
	afflux.From(job, "clicks", kafka.Source[Click]("clicks", kafka.Brokers("localhost:9092"))).
		EventTime(func(c *Click) time.Time { return c.At }, afflux.OutOfOrder(4*time.Second)).
		Filter("named", func(c *Click) bool { return c.Item != "" }).
		KeyBy("item", func(c *Click) string { return c.Item }).
		Window(window.Sliding(time.Minute, 10*time.Second)).
		Aggregate("count", afflux.Count[Click]()).
		To("hot-items", kafka.Sink[window.Result[string, int64]]("hot-items", kafka.Brokers("localhost:9092")))
	afflux.Main(job)
}
