package schema

// Event is one of a new person, a new auction and a bid: one pointer is set.
// What it points to is shared by all who have the event, and is not changed.
type Event struct {
	Person  *Person  `json:"person,omitempty"`
	Auction *Auction `json:"auction,omitempty"`
	Bid     *Bid     `json:"bid,omitempty"`
}

// Person is somebody who sells, bids, or both.
type Person struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Email      string `json:"emailAddress"`
	CreditCard string `json:"creditCard"`
	City       string `json:"city"`
	State      string `json:"state"`
	DateTime   int64  `json:"dateTime"`
	Extra      string `json:"extra"`
}

// Auction is an item for sale, from DateTime to Expires.
type Auction struct {
	ID          int64  `json:"id"`
	Item        string `json:"itemName"`
	Description string `json:"description"`
	InitialBid  int64  `json:"initialBid"`
	Reserve     int64  `json:"reserve"` // the least price at which the seller sells
	DateTime    int64  `json:"dateTime"`
	Expires     int64  `json:"expires"`
	Seller      int64  `json:"seller"` // Person.ID
	Category    int64  `json:"category"`
	Extra       string `json:"extra"`
}

// Bid is an offer of a price. Channel and URL are empty unless the generator is
// configured to make them.
type Bid struct {
	Auction  int64  `json:"auction"` // Auction.ID
	Bidder   int64  `json:"bidder"`  // Person.ID
	Price    int64  `json:"price"`
	Channel  string `json:"channel,omitempty"`
	URL      string `json:"url,omitempty"`
	DateTime int64  `json:"dateTime"`
	Extra    string `json:"extra"`
}

// DateTime is when the event happened.
func (e *Event) DateTime() int64 {
	switch {
	case e.Bid != nil:
		return e.Bid.DateTime
	case e.Auction != nil:
		return e.Auction.DateTime
	default:
		return e.Person.DateTime
	}
}

// PayloadBytes is the memory behind the pointers.
func (e *Event) PayloadBytes() int {
	switch {
	case e.Bid != nil:
		b := e.Bid
		return 80 + len(b.Channel) + len(b.URL) + len(b.Extra)
	case e.Auction != nil:
		a := e.Auction
		return 104 + len(a.Item) + len(a.Description) + len(a.Extra)
	case e.Person != nil:
		p := e.Person
		return 112 + len(p.Name) + len(p.Email) + len(p.CreditCard) + len(p.City) + len(p.State) + len(p.Extra)
	}
	return 0
}
