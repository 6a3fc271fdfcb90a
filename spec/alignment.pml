/* Barrier alignment of two tasks, with checkpoints that follow one another or are
 * aborted. See README.md for what it covers and which code it mirrors.
 *
 *   source 0 --0--> task 0 --2--> task 1
 *   source 1 --1-->
 *   source 1 ----------------3-->
 *
 * Spin tries every order of events. MODE: 0 aligned, 1 overtaking at any time,
 * 2 at least once.
 */
#ifndef MODE
#define MODE 0
#endif
#ifndef FIRST
#define FIRST 2 /* records of source 0 */
#endif
#ifndef SECOND
#define SECOND 2 /* of source 1 */
#endif
#ifndef CREDIT
#define CREDIT 1 /* records in a channel; barriers and ends need none */
#endif

#define BARRIER 100 /* + id */
#define END 200

#define RESTING 0
#define ALIGNING 1
#define CAPTURING 2

/* Records are numbered through: those of source 0 first. */
#define RECORDS (me == 0 -> FIRST : SECOND)
#define NUMBER (me * FIRST + n)

chan q[4] = [CREDIT + 3] of { byte };
byte records[4];   /* in flight */
byte announced[4]; /* the last barrier that was put into a channel */
byte want;         /* the checkpoint that sources are to begin */
byte aborted;      /* the last that was aborted */
byte acked[3];     /* by checkpoint: tasks that have acknowledged */

/* What is to be compared. Masks of records, by checkpoint and source or channel. */
byte before[6]; /* emitted by a source before its barrier */
byte passed_on[3]; /* emitted by task 0 before its barrier */
byte covered[12];  /* in the state of the receiver, or captured from the channel */

inline put_barrier(c, id) {
	assert(nfull(q[c]));
	q[c]!BARRIER + id;
	announced[c] = id
}

proctype source(byte me) {
	byte n, emitted, mask, i;
	bool ended;
	do
	:: d_step { !ended && n < RECORDS && records[me] < CREDIT && (me == 0 || records[3] < CREDIT) ->
		q[me]!(NUMBER);
		records[me]++;
		if
		:: me == 1 -> q[3]!(NUMBER); records[3]++
		:: else
		fi;
		mask = mask | (1 << NUMBER);
		n++
	   }
	:: d_step { !ended && want > emitted ->
		emitted = want;
		before[emitted * 2 + me] = mask;
		put_barrier(me, emitted);
		if
		:: me == 1 -> put_barrier(3, emitted)
		:: else
		fi
	   }
	/* Source 0 may end before a barrier: all it sent lies before. */
	:: d_step { !ended && n == RECORDS && (me == 0 || emitted == 2) ->
		ended = true;
		for (i : 1 .. 2) {
			if
			:: i > emitted && i > aborted -> before[i * 2 + me] = mask
			:: else
			fi
		}
		i = 0;
		q[me]!END;
		if
		:: me == 1 -> q[3]!END
		:: else
		fi
	   }
	:: ended -> break
	od
}

inline missing(count) {
	count = (!lane_passed[0] && !lane_ended[0]) + (!lane_passed[1] && !lane_ended[1])
}

inline unblock() {
	blocked[0] = false;
	blocked[1] = false
}

/* rest forgets what is of no importance now, so that there are fewer states. */
inline rest() {
	phase = RESTING;
	current = 0;
	lane_passed[0] = false;
	lane_passed[1] = false
}

inline abandon() {
	unblock();
	over = current;
	rest()
}

/* adopt makes id the current barrier, if it is newer. */
inline adopt(id) {
	if
	:: id > over && (phase == RESTING || id > current) ->
		if
		:: phase != RESTING -> abandon()
		:: else
		fi;
		current = id;
		phase = ALIGNING;
		lane_passed[0] = false;
		lane_passed[1] = false
	:: else
	fi
}

inline snapshot() {
	if
	:: current > aborted ->
		covered[current * 4 + me * 2] = done[0];
		covered[current * 4 + me * 2 + 1] = done[1]
	:: else
	fi;
	if
	:: me == 0 && current > aborted -> passed_on[current] = done[0] | done[1]
	:: else
	fi;
	if
	:: me == 0 -> put_barrier(2, current)
	:: else
	fi;
	unblock()
}

inline complete() {
	if
	:: current > aborted -> acked[current]++
	:: else
	fi;
	over = current;
	rest()
}

/* pass: a channel is behind the barrier, by the barrier or by its end. */
inline pass(lane, by_barrier) {
	if
	:: !lane_passed[lane] && !lane_ended[lane] ->
		lane_passed[lane] = true;
		missing(left);
		if
		:: phase == CAPTURING && left == 0 -> complete()
		:: phase == CAPTURING && left > 0
		:: phase == ALIGNING && left == 0 -> snapshot(); complete()
		:: phase == ALIGNING && left > 0 && by_barrier && MODE != 2 -> blocked[lane] = true
		:: phase == ALIGNING && left > 0 && !(by_barrier && MODE != 2)
		fi
	:: else
	fi;
	left = 0
}

inline take(lane) {
	c = me * 2 + lane;
	q[c]?m;
	if
	:: m >= BARRIER && m < END ->
		adopt(m - BARRIER);
		if
		:: phase != RESTING && current == m - BARRIER -> pass(lane, true)
		:: else
		fi
	:: m == END ->
		if
		:: phase != RESTING -> pass(lane, false)
		:: else
		fi;
		lane_ended[lane] = true
	:: m < BARRIER ->
		records[c]--;
		assert(!(done[lane] & (1 << m)));
		done[lane] = done[lane] | (1 << m);
		if
		:: phase == CAPTURING && !lane_passed[lane] && current > aborted ->
			assert(!(covered[current * 4 + c] & (1 << m)));
			covered[current * 4 + c] = covered[current * 4 + c] | (1 << m)
		:: else
		fi;
		holding = (me == 0)
	fi;
	if
	:: !holding -> m = 0
	:: else
	fi;
	c = 0
}

proctype task(byte me) {
	byte current, over, phase, left, m, c;
	byte done[2];
	bool lane_passed[2], lane_ended[2], blocked[2];
	bool holding; /* a record that is processed and not sent on */
	do
	:: d_step { !holding && !blocked[0] && nempty(q[me * 2]) -> take(0) }
	:: d_step { !holding && !blocked[1] && nempty(q[me * 2 + 1]) -> take(1) }
	:: d_step { holding && records[2] < CREDIT -> q[2]!m; records[2]++; holding = false; m = 0 }
	:: d_step { !holding && aborted > over ->
		if
		:: phase != RESTING && current <= aborted -> abandon()
		:: else
		fi;
		over = (over > aborted -> over : aborted)
	   }
#if MODE == 1
	:: d_step { !holding && announced[me * 2] > over && (phase == RESTING || announced[me * 2] > current) -> adopt(announced[me * 2]) }
	:: d_step { !holding && announced[me * 2 + 1] > over && (phase == RESTING || announced[me * 2 + 1] > current) -> adopt(announced[me * 2 + 1]) }
	:: d_step { !holding && phase == ALIGNING -> snapshot(); phase = CAPTURING }
#endif
	:: atomic { !holding && lane_ended[0] && lane_ended[1] ->
		if
		:: me == 0 -> q[2]!END
		:: else
		fi;
		break
	   }
	od;
	assert(phase == RESTING)
}

/* A record is covered by a checkpoint if and only if it lies before the barrier;
 * at least once, more may be. */
#if MODE == 2
#define COVERS(have, need) (((have) & (need)) == (need))
#else
#define COVERS(have, need) ((have) == (need))
#endif

inline verify(id) {
	assert(COVERS(covered[id * 4 + 0], before[id * 2 + 0]));
	assert(COVERS(covered[id * 4 + 1], before[id * 2 + 1]));
	assert(COVERS(covered[id * 4 + 2], passed_on[id]));
	assert(COVERS(covered[id * 4 + 3], before[id * 2 + 1]))
}

/* forget what was verified, or will not be. */
inline forget() {
	before[2] = 0; before[3] = 0; passed_on[1] = 0; acked[1] = 0;
	covered[4] = 0; covered[5] = 0; covered[6] = 0; covered[7] = 0
}

active proctype coordinator() {
	want = 1;
	if
	:: d_step { acked[1] == 2 -> verify(1); forget(); want = 2 }
	:: d_step { acked[1] < 2 -> aborted = 1; forget(); want = 2 }
	fi;
	d_step { acked[2] == 2 -> verify(2) }
}

init {
	atomic {
		run source(0);
		run source(1);
		run task(0);
		run task(1)
	}
}
