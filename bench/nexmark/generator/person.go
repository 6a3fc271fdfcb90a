package generator

import (
	"fmt"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Few names, cities and states, so that queries find something in few events.
var (
	firstNames = [...]string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames  = [...]string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities     = [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states     = [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
)

func (d *draw) one(of []string) string { return of[d.r.Int32N(int32(len(of)))] }

func (d *draw) person() *schema.Person {
	p := &schema.Person{ID: firstPerson + d.lastPerson(), DateTime: d.now}
	p.Name = d.one(firstNames[:])
	p.Name += " " + d.one(lastNames[:])
	p.Email = d.text(7, ' ')
	p.Email += "@" + d.text(5, ' ') + ".com"
	for i := range 4 {
		if i > 0 {
			p.CreditCard += " "
		}
		p.CreditCard += fmt.Sprintf("%04d", d.r.Int32N(10_000))
	}
	p.City = d.one(cities[:])
	p.State = d.one(states[:])
	size := 8 + len(p.Name) + len(p.Email) + len(p.CreditCard) + len(p.City) + len(p.State)
	p.Extra = d.extra(size, d.g.c.PersonSize)
	return p
}
