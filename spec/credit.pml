/* The credit ledger of one receiver with two senders: internal/credit. See
 * README.md for what it covers and which code it mirrors.
 *
 * Spin tries every order of events and every size of batch and window.
 */
#ifndef BATCHES
#define BATCHES 2 /* that each sender sends */
#endif
#define FLOOR 2
#define FLOATING 1
#define RESERVE 2
#define MIN 1
#define CEILING (FLOOR + FLOATING)
#define LARGEST (FLOOR + RESERVE)
#define POOL (2 * FLOOR + FLOATING + RESERVE)
#define NOBODY 2

chan q[2] = [BATCHES] of { byte }; /* batches in flight, by size */
byte sent[2];
byte announced[2]; /* the limit as the sender may read it */
byte asking[2];    /* the size of the batch that has no credit, 0 if none */
bool asks[2];      /* the question is not answered yet */

/* The gate's side. */
byte consumed[2], limit[2], reserved[2];
bool starved[2];
byte floating, holder = NOBODY;

#define OUTSTANDING(i) (limit[i] - consumed[i])
#define OVER(i) (OUTSTANDING(i) > FLOOR + reserved[i] -> OUTSTANDING(i) - FLOOR - reserved[i] : 0)
#define LEAST(a, b) ((a) < (b) -> (a) : (b))

inline invariants() {
	assert(consumed[0] <= sent[0] && sent[0] <= limit[0]);
	assert(consumed[1] <= sent[1] && sent[1] <= limit[1]);
	assert(OUTSTANDING(0) + OUTSTANDING(1) <= POOL);
	assert(OVER(0) + OVER(1) == floating && floating <= FLOATING);
	assert(reserved[0] + reserved[1] <= RESERVE);
	assert(reserved[0] == 0 || holder == 0);
	assert(reserved[1] == 0 || holder == 1)
}

/* extend: at least want bytes outstanding, as far as the pool allows. */
inline extend(i, amount) {
	w = LEAST(amount, FLOOR + FLOATING - (floating - OVER(i)) + reserved[i]);
	if
	:: w > OUTSTANDING(i) ->
		floating = floating - OVER(i);
		limit[i] = consumed[i] + w;
		floating = floating + OVER(i)
	:: else
	fi;
	w = 0
}

/* grant: the window is whatever time and backlog make of it. */
inline grant(i) {
	if
	:: reserved[i] == 0 ->
		select(window : MIN .. CEILING);
		extend(i, window);
		window = 0
	:: else
	fi
}

/* answer takes the demand of a sender that has no credit. */
inline answer(i) {
	asks[i] = false;
	grant(i);
	starved[i] = false;
	if
	:: sent[i] == consumed[i] && asking[i] > OUTSTANDING(i) ->
		extend(i, asking[i]);
		if
		:: asking[i] > OUTSTANDING(i) && (holder == NOBODY || holder == i) ->
			holder = i;
			w = asking[i] - OUTSTANDING(i);
			reserved[i] = reserved[i] + w;
			limit[i] = limit[i] + w;
			w = 0
		:: else
		fi;
		starved[i] = (asking[i] > OUTSTANDING(i))
	:: else
	fi;
	announced[i] = limit[i]
}

inline consume(i) {
	q[i]?b;
	floating = floating - OVER(i);
	consumed[i] = consumed[i] + b;
	if
	:: reserved[i] > 0 ->
		w = (OUTSTANDING(i) > FLOOR -> OUTSTANDING(i) - FLOOR : 0);
		reserved[i] = LEAST(reserved[i], w);
		w = 0;
		if
		:: reserved[i] == 0 -> holder = NOBODY
		:: else
		fi
	:: else
	fi;
	floating = floating + OVER(i);
	b = 0;
	grant(i);
	announced[i] = limit[i];
	if
	:: asking[i] > 0 -> answer(i)
	:: else
	fi;
	/* feed: those that wait for memory of a neighbour ask again. */
	if
	:: starved[0] -> answer(0)
	:: else
	fi;
	if
	:: starved[1] -> answer(1)
	:: else
	fi;
	invariants()
}

active proctype receiver() {
	byte b, w, window;
	atomic {
		grant(0); announced[0] = limit[0];
		grant(1); announced[1] = limit[1];
		invariants()
	}
end:	do
	:: atomic { nempty(q[0]) -> consume(0) }
	:: atomic { nempty(q[1]) -> consume(1) }
	:: atomic { asks[0] -> answer(0); invariants() }
	:: atomic { asks[1] -> answer(1); invariants() }
	od
}

proctype sender(byte me) {
	byte n, size, known; /* known: the limit as of the last look */
	do
	:: n == BATCHES -> break
	:: n < BATCHES ->
		select(size : 1 .. LARGEST);
		/* What is announced may be read late, or not at all: older limits do no
		 * harm. A sender that cannot send asks, and waits for an answer. */
		do
		:: atomic { size <= known - sent[me] ->
			sent[me] = sent[me] + size;
			q[me]!size;
			asking[me] = 0;
			asks[me] = false;
			assert(sent[me] <= limit[me]);
			break
		   }
		:: atomic { size > known - sent[me] && asking[me] == 0 -> asking[me] = size; asks[me] = true }
		:: atomic { announced[me] > known -> known = announced[me] }
		od;
		n++
	od
}

init {
	atomic {
		run sender(0);
		run sender(1)
	}
}
