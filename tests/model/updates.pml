/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The protocol of doc/protocol.md, for spin: one host, two SMs with a plugin each, and a network that loses, doubles
 * and reorders. tests/test_model.sh runs it.
 *
 * One host is enough: what the plugin keeps and sends for a host depends on no other, but for the time that it takes,
 * and here everything may take any time. Two destinations are enough: a delta has one of them and not the other, or
 * both, or none. A path is a number, new with each routing that changes it. So the table that a host holds can be
 * compared with that which (instance, epoch) names, and with what the SA would answer.
 *
 * All events belong to one process, whose loop takes any one that can happen. Faults, routings and early checks have
 * budgets, which calm() ends at any moment. When nothing else can happen, the periodic check comes, FINAL times; when
 * nothing can happen after that, the host must be current. That proves that nobody stays stale if it is also shown
 * that no execution is endless: then each reaches such an end, under any scheduling and without a fairness assumption.
 * Hence each model is searched twice: for assertions and deadlocks, and for non-progress cycles with no progress label
 * anywhere, so that any cycle is an error. No cycle means also that each event causes a bounded number of MADs. The
 * host must be current after the first check of all; the second finds nothing and costs one query. So would every
 * further one, as the state is then the same again.
 *
 * With FINAL=0 there is no check at all: so it is shown that checks are needed for Reports and subscriptions that got
 * lost, and for nothing else.
 *
 * MADs are not kept in order, but as counts of what is on its way: any order of arrival is tried. An attempt of a
 * request or a Report that is lost and sent again is the same as one that is slow; one that is given up costs a budget.
 * An answer is matched to its query by the transaction id: one slot, empty once the query was given up.
 *
 * What is there to be walked through beside it: lib/sa_client.c has the host (take_epochs_report(), take_records(),
 * take_delta(), end_check() and the tables of transitions), plugin/bulk.c and plugin/history.c the query and the base,
 * plugin/engine.c the announcement, plugin/signaller.c and plugin/reporter.c the Reports.
 *
 * Each line with "reached:" must be reached in some run. What M_... adds or takes away must make the model fail.
 */

#ifndef ROUTINGS
#define ROUTINGS	2	/* beyond the first of each instance */
#endif
#ifndef SM_EVENTS
#define SM_EVENTS	1	/* restarts and handovers */
#endif
#ifndef FAULTS
#define FAULTS		2	/* of any kind: see the end */
#endif
#ifndef FINAL
#define FINAL		2	/* checks after everything else */
#endif

#define INSTANCES	(1 + SM_EVENTS)
#define EPOCHS		(1 + ROUTINGS)		/* of one instance */
#define TABLES		(INSTANCES * EPOCHS)	/* at most 6: see pick_report() */
#define AT(inst, epoch)	((inst - 1) * EPOCHS + epoch - 1)
#define UNKNOWN		255			/* the path of a host that holds no table */

#ifdef M_SAME_INSTANCE
#define NAME(inst)	1	/* not drawn anew: two instances count epochs under one name */
#else
#define NAME(inst)	(inst)
#endif

/* What has been announced, by AT(instance, epoch). */
byte path0[TABLES], path1[TABLES];	/* the host's table */
byte changed[TABLES];			/* since the announcement before: bit 0 destination 0, bit 1 destination 1 */
byte base[TABLES];			/* the epoch before in which anything changed; 0: none */

/* The master SM: OpenSM, then the plugin. */
bit master, subscribed[2];
byte instance = 1;	/* really another one each time */
byte route0, route1;	/* what OpenSM answers */
byte version;		/* of the last path that was made */
byte routed;		/* epoch of the last routing, 0 before the first */
bit skipped;		/* a routing came and went without an announcement, and the next is another */
byte preparing;		/* the epoch for which SUBNET UP has come while the store is still the old; 0: none */
bit was_subscribed;	/* at SUBNET UP */
bit was_skipped;
bit anew;		/* no memory for the history: it begins anew with this announcement */
byte oldest;		/* where the history begins */
byte store;		/* what queries are answered from: epoch of the last announcement; 0: none */

#define LATEST	(preparing -> preparing : store)

/* Reports on their way. */
byte with_paths[TABLES], without_paths[TABLES], foreign, n_reports;

/* The host. */
mtype = { unsubscribed, subscribing, listening, checking_known, checking_unknown };
mtype state = unsubscribed;	/* checking_...: with that answer on its way */
bit sm;				/* which it takes for the master */
bit cut;
byte have0 = UNKNOWN, have1 = UNKNOWN;
byte held_i, held_e;		/* the name of its table */
byte held_real;			/* whose it really is */
bit in_part;			/* the table is more than that, by some of what came since: the whole is needed */

/* Its query. */
mtype = { idle, asked, answered, failed };
mtype query = idle;
bit again;
bit overtaken;			/* a Report was taken since the query was sent */
byte asked_i, asked_e;
mtype = { no_answer, records, delta, whole };
mtype answer = no_answer;
byte answer_i, answer_from, answer_e, answer0, answer1;

/* Budgets. */
byte routings = ROUTINGS, sm_events = SM_EVENTS, faults = FAULTS, final = FINAL;
byte last_queries;	/* since the last check of all */
bit is_calm;

bit failing;
byte i, e, k, mask;	/* scratch; 0 between events */

#define IS_ON		(!cut && sm == master)	/* host and SM hear each other */
#define IS_LISTENING	(state != unsubscribed && state != subscribing)
#define IS_CURRENT	(!in_part && have0 == route0 && have1 == route1 && store == routed && \
			 (held_i == 0 || held_i == NAME(instance)))

/* ---- Reports on their way ---- */

#define PICK(slot) \
	:: slot < TABLES && with_paths[slot % TABLES] > 0 -> \
		with_paths[slot % TABLES]--; i = slot / EPOCHS + 1; e = slot % EPOCHS + 1; k = 1 \
	:: slot < TABLES && without_paths[slot % TABLES] > 0 -> \
		without_paths[slot % TABLES]--; i = slot / EPOCHS + 1; e = slot % EPOCHS + 1

/* i, e: of any Report on its way, which is so no longer; k: it has paths. i is 0 where it has no epochs. */
inline pick_report()
{
	n_reports--;
	if
	PICK(0) PICK(1) PICK(2) PICK(3) PICK(4) PICK(5)
	:: foreign > 0 -> foreign--
	fi
}

/* The picked one, or what takes its place, is on its way n times. */
inline put_report(n)
{
	n_reports = n_reports + n;
	if
	:: i == 0 -> foreign = foreign + n
	:: i != 0 && k -> with_paths[AT(i, e)] = with_paths[AT(i, e)] + n
	:: i != 0 && !k -> without_paths[AT(i, e)] = without_paths[AT(i, e)] + n
	fi
}

inline forget_report()
{
	i = 0; e = 0; k = 0
}

/* ---- the host ---- */

inline forget_answer()
{
	asked_i = 0; asked_e = 0;
	answer = no_answer; answer_i = 0; answer_from = 0; answer_e = 0; answer0 = 0; answer1 = 0
}

inline send_query()
{
	query = asked; again = 0;
	overtaken = 0;
	if
#ifdef M_PART_FORGOTTEN
	:: asked_i = held_i; asked_e = held_e
#else
	:: in_part -> asked_i = 0; asked_e = 0
	:: else -> asked_i = held_i; asked_e = held_e
#endif
	fi;
	if
	:: is_calm && FINAL != 0 && final == 0 -> last_queries++; assert(last_queries <= 1)
	:: else
	fi
}

/* The host's table becomes one without a name. */
inline forget_name()
{
	held_i = 0; held_e = 0; held_real = 0; in_part = 0
}

/* Without a subscription nothing is asked, as each one brings a query. */
inline want_query()
{
	if
	:: IS_LISTENING && query == idle -> send_query()
	:: IS_LISTENING && (query == asked || query == answered) ->
#ifndef M_NOT_AGAIN
		again = 1
#endif
	:: else
	fi
}

/* The safety of it all: the table is what its name says. */
inline check_table()
{
	assert(held_i == 0 || in_part ||
		(have0 == path0[AT(held_real, held_e)] && have1 == path1[AT(held_real, held_e)]))
}

/* In have0, have1: what mask says has changed, as it is in (from, epoch). */
inline take_paths(from, epoch)
{
	assert(held_real == from);	/* never one instance's delta on another's table */
	if
	:: mask & 1 -> have0 = path0[AT(from, epoch)]
	:: else
	fi;
	if
	:: mask & 2 -> have1 = path1[AT(from, epoch)]
	:: else
	fi;
	mask = 0;
	held_e = epoch
}

#if defined(M_ZERO_IS_A_NAME)
#define SAME_INSTANCE	(held_i == (i == 0 -> 0 : NAME(i)))
#elif defined(M_INSTANCE_IGNORED)
#define SAME_INSTANCE	(i != 0 && held_i != 0)
#else
#define SAME_INSTANCE	(i != 0 && held_i == NAME(i))
#endif
#ifdef M_BASE_IGNORED
#define HAS_BASE	(k)
#else
#define HAS_BASE	(k && base[AT(i, e)] <= held_e)
#endif

inline take_report()
{
	if
	:: SAME_INSTANCE && held_e >= e ->
		skip			/* reached: a Report that says nothing new */
	:: SAME_INSTANCE && held_e < e && HAS_BASE ->
		mask = changed[AT(i, e)];
		take_paths(i, e);
		overtaken = 1;
		check_table()		/* reached: a Report is taken */
	:: SAME_INSTANCE && held_e < e && HAS_BASE && changed[AT(i, e)] == 3 && faults > 0 ->
		faults--;
		assert(held_real == i);
		have0 = path0[AT(i, e)];
		in_part = 1;		/* reached: a Report is taken in part */
		want_query()
	:: else ->
		if
		:: i == 0 ->
			skip		/* reached: a Report without epochs */
		:: i != 0 && held_i == 0 ->
			skip		/* reached: a Report, and the table has no name */
		:: i != 0 && held_i != 0 && !SAME_INSTANCE ->
			skip		/* reached: a Report of another instance */
		:: SAME_INSTANCE && k ->
			skip		/* reached: the base shows a gap */
		:: SAME_INSTANCE && !k ->
			skip		/* reached: a Report without paths */
		fi;
		if
		:: query == asked || query == answered ->
			skip		/* reached: a Report during a query */
		:: else
		fi;
		want_query()
	fi
}

#ifdef M_OLD_ANSWER
#define COMES_LATE	(0)
#else
#define COMES_LATE	(held_i == NAME(answer_i) && held_e > answer_e)
#endif

inline take_answer()
{
	if
	:: answer == records ->
		have0 = answer0; have1 = answer1;
		forget_name();		/* reached: records are taken */
		if
#ifndef M_RECORDS_OVERTAKEN
		:: overtaken ->
			again = 1	/* reached: a Report was taken while records were on their way */
#endif
		:: else
		fi
	:: answer != records && COMES_LATE && in_part ->
		failing = 1		/* reached: what is late is not the whole that is needed */
	:: answer == whole && COMES_LATE && !in_part ->
		skip			/* reached: a whole delta comes late */
	:: answer == whole && !COMES_LATE ->
		have0 = path0[AT(answer_i, answer_e)]; have1 = path1[AT(answer_i, answer_e)];
		held_i = NAME(answer_i); held_e = answer_e; held_real = answer_i;
		in_part = 0		/* reached: a whole delta is taken */
	:: answer == delta && COMES_LATE && !in_part ->
		skip			/* reached: a delta comes late */
	:: answer == delta && !COMES_LATE ->
		assert(held_i == NAME(answer_i) && answer_from <= held_e);	/* so nobody asks for the whole again */
		for (e : answer_from + 1 .. answer_e) {
			mask = mask | changed[AT(answer_i, e)]
		}
		e = 0;
		take_paths(answer_i, answer_e)	/* reached: a delta is taken */
	:: answer == delta && !COMES_LATE && faults > 0 ->
		faults--;
		have0 = path0[AT(answer_i, answer_e)];
		in_part = 1;
		failing = 1		/* reached: a delta is taken in part */
	fi;
	check_table();
	forget_answer();
	query = idle;
	if
	:: failing -> lose_query(); failing = 0
#ifdef M_ASKS_FOREVER
	:: !failing -> send_query()
#endif
	:: !failing && again ->
		send_query()		/* reached: asks once more */
	:: else
	fi
}

inline send_check()
{
	if
	:: subscribed[sm] -> state = checking_known
	:: else -> state = checking_unknown
	fi
}

inline subscribe_anew()
{
	state = unsubscribed;
	query = idle; again = 0; overtaken = 0;
	forget_answer()
}

inline end_check()
{
	if
	:: state == checking_unknown ->
		subscribe_anew()	/* reached: a check finds no subscription */
	:: else ->
		state = listening;	/* reached: a check finds the subscription */
		if
#ifdef M_UNNAMED_NOT_CHECKED
		:: held_i != 0 && query == idle -> send_query()
#else
		:: query == idle -> send_query()
#endif
		:: else			/* reached: a check, and a query is on its way or to be sent again */
		fi
	fi
}

inline lose_query()
{
	query = failed; again = 0; overtaken = 0;
	forget_answer()
}

inline cut_off()
{
	cut = 1;
	if
	:: query == asked || query == answered -> lose_query()
	:: else
	fi;
	if
	:: state == listening
	:: else -> subscribe_anew()
	fi
}

inline restart_host()
{
	subscribe_anew();
	have0 = UNKNOWN; have1 = UNKNOWN;
	forget_name()
}

/* ---- the master SM ---- */

/* A routing: each path stays, or is another, or all are those of the last announcement again. */
inline route()
{
	i = route0; e = route1;
	routed++;
	version++;
	if
	:: skip
	:: version > 1 -> route0 = version	/* the very first is as good as any */
	:: version > 1 -> route1 = version
	:: version > 1 -> route0 = version; route1 = version
	:: LATEST != 0 && (route0 != path0[AT(instance, LATEST)] || route1 != path1[AT(instance, LATEST)]) ->
		route0 = path0[AT(instance, LATEST)];
		route1 = path1[AT(instance, LATEST)]	/* reached: a routing as announced before */
	fi;
	if
	:: routed - 1 > LATEST && (i != route0 || e != route1) -> skipped = 1
	:: else
	fi;
	i = 0; e = 0
}

/* Of the announcement of epoch e, to whom was a subscriber at SUBNET UP. "Not known" has no epochs. */
inline tell()
{
	i = instance;
	if
	:: was_subscribed && store != 0 && !anew && changed[AT(i, e)] != 0 -> k = 1; put_report(1)
	:: was_subscribed && store != 0 && !anew && changed[AT(i, e)] != 0 -> put_report(1)
	:: else
	fi;
	i = 0; k = 0;
	if
	:: was_subscribed && store == 0 ->
		put_report(1)		/* reached: there is nothing to compare with */
	:: was_subscribed && store != 0 && anew ->
#ifndef M_ANEW_NOT_TOLD
		put_report(1)		/* reached: the history begins anew */
#endif
	:: was_subscribed && store != 0 && !anew && was_skipped ->
#ifndef M_SKIPPED_NOT_TOLD
		put_report(1)		/* reached: a routing was skipped */
#endif
	:: else
	fi
}

/* SUBNET UP: the plugin's own thread begins to compare. */
inline subnet_up()
{
	e = routed;
	preparing = e;
	was_subscribed = subscribed[master];
	was_skipped = skipped;
	skipped = 0;
	path0[AT(instance, e)] = route0;
	path1[AT(instance, e)] = route1;
	if
	:: store == 0 -> changed[AT(instance, e)] = 3
	:: else ->
		changed[AT(instance, e)] = (route0 != path0[AT(instance, store)] -> 1 : 0) +
			(route1 != path1[AT(instance, store)] -> 2 : 0);
		if
#ifdef M_BASE_BEFORE_HISTORY
		:: oldest == store -> base[AT(instance, e)] = 0
		:: oldest != store && changed[AT(instance, store)] != 0 -> base[AT(instance, e)] = store
#else
		:: changed[AT(instance, store)] != 0 || oldest == store -> base[AT(instance, e)] = store
#endif
		:: else -> base[AT(instance, e)] = base[AT(instance, store)]
		fi;
		if
		:: faults > 0 -> faults--; anew = 1
		:: skip
		fi
	fi;
#ifdef M_REPORT_FIRST
	tell();
#endif
	e = 0
}

inline announce()
{
	e = preparing;
#ifndef M_REPORT_FIRST
	tell();
#endif
	if
	:: store == 0 || anew -> oldest = e
	:: else
	fi;
	store = e;
	preparing = 0; was_subscribed = 0; was_skipped = 0; anew = 0; e = 0
}

#ifdef M_ASKED_INSTANCE_IGNORED
#define IS_ASKED	(asked_i != 0)
#else
#define IS_ASKED	(asked_i == NAME(instance))
#endif

/* Who subscribes between SUBNET UP and the switch to the new snapshot is not told of it. */
#ifdef M_SUBSCRIBES_MEANWHILE
#define IS_LEFT_OUT	(0)
#else
#define IS_LEFT_OUT	(preparing != 0 && !was_subscribed)
#endif

inline answer_query()
{
	query = answered;
	if
	:: store == 0 ->
		answer = records	/* reached: nothing was announced yet */
	:: store != 0 && IS_LEFT_OUT ->
		answer = records	/* reached: OpenSM answers who will not be told */
	:: store != 0 && !IS_LEFT_OUT && faults > 0 -> faults--; answer = records
	:: store != 0 && !IS_LEFT_OUT ->
		answer = whole	/* of another instance, or the history begins later: that may be at any time */
	:: store != 0 && !IS_LEFT_OUT && IS_ASKED && oldest <= asked_e && asked_e <= store ->
		answer = delta; answer_from = asked_e
	fi;
	if
	:: answer == records -> answer0 = route0; answer1 = route1
	:: else -> answer_i = instance; answer_e = store
	fi
}

inline begin_instance()
{
	instance++;
	routed = 0; store = 0; oldest = 0; preparing = 0; skipped = 0; was_skipped = 0; anew = 0;
	was_subscribed = 0
}

inline hand_over()
{
	sm_events--;
	master = 1 - master;
	begin_instance()
}

inline calm()
{
	routings = 0; sm_events = 0; faults = 0; cut = 0; is_calm = 1
}

active proctype everything()
{
	do
	/* The master SM. */
	:: atomic { routed == 0 || (routed < EPOCHS && routings > 0) ->
		routings = (routed == 0 -> routings : routings - 1);
		route()
	   }
	:: atomic { routed > store && preparing == 0 -> subnet_up() }
	:: atomic { preparing != 0 -> announce() }
	:: atomic { IS_ON && query == asked -> answer_query() }

	/* The host. */
	:: atomic { sm != master -> sm = master; subscribe_anew() }
	:: atomic { IS_ON && state == unsubscribed -> subscribed[sm] = 1; state = subscribing }
	:: atomic { !cut && state == subscribing -> state = listening; want_query() }
	:: atomic { !cut && query == answered -> take_answer() }
	:: atomic { IS_ON && query == failed -> send_query() }
	:: atomic { !cut && (state == checking_known || state == checking_unknown) -> end_check() }

	/* Reports. */
	:: atomic { !cut && n_reports > 0 -> pick_report(); take_report(); forget_report() }
	:: atomic { n_reports > 1 ->
		/* The reporter has no room: one without epochs takes the place of several. */
		pick_report(); forget_report();
		pick_report(); forget_report();
#ifndef M_NO_ROOM_NOT_TOLD
		put_report(1)		/* reached: one Report in the place of several */
#endif
	   }

	/* Faults; more are in take_report(), take_answer(), subnet_up() and answer_query(). */
	:: atomic { faults > 0 && n_reports > 0 -> faults--; pick_report(); put_report(2); forget_report() }
	:: atomic { faults > 0 && (query == asked || query == answered) -> faults--; lose_query() }
	:: atomic { faults > 0 -> faults--; restart_host() }
	:: atomic { faults > 0 && held_i != 0 -> faults--; forget_name(); subscribe_anew() }	/* another LID or GID */
	:: atomic { sm_events > 0 -> hand_over() }
#if FINAL || defined(M_NO_CHECK)
	:: atomic { faults > 0 && n_reports > 0 -> faults--; pick_report(); forget_report() }
#endif
#if FINAL
	:: atomic { faults > 0 && IS_ON && state == listening -> faults--; send_check() }	/* an early one */
	:: atomic { faults > 0 && !cut -> faults--; cut_off() }
	:: atomic { sm_events > 0 -> hand_over(); subscribed[master] = 0 }
	:: atomic { sm_events > 0 -> sm_events--; subscribed[master] = 0; begin_instance() }
#endif
	/* What follows from them. */
	:: atomic { query == asked && sm != master -> lose_query() }
	:: atomic { n_reports > 0 && cut -> pick_report(); forget_report() }
	:: atomic { cut && subscribed[master] -> subscribed[master] = 0 }
	:: atomic { cut -> cut = 0 }
	:: atomic { !is_calm -> calm() }

	:: else ->
		atomic {
			assert(is_calm && state == listening && query == idle && n_reports == 0);
			if
			:: final == 0 ->
				assert(IS_CURRENT);
				break
			:: final == 1 ->
				assert(IS_CURRENT);	/* one check was enough */
				final--;
				send_check()
			:: final > 1 ->
				final--;
				send_check()
			fi
		}
	od
}
