// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One native buffer, its importers, and everything that takes its memory away.
 *
 * README.md says which function is which transition and what is left out. revoke.t
 * checks this model, and that each of its switches (-DNAME: one wait or check less, one
 * order changed, or one promise of an importer's broken) has a counterexample.
 *
 * A section under the reservation lock is one atomic step. It takes the lock all the
 * same: should it have to wait for something in the middle, it stops being atomic, and
 * who needs the lock meanwhile is stuck, as in reality.
 */

/* What importers there are; N of them. The rest of the model treats each kind alike. */
#define IOMMU	1	/* the core maps and unmaps: the container backend */
#define SLOW	2	/* SGT through a lazy DMA domain; unmaps later, from a worker */
#define EAGER	3	/* no IOMMU in its way (or raw PAL); unmaps at once, jobs run on */
#define LATE	4	/* none either; unmaps later, perhaps with one more job */

#ifndef N
#define N	3
#define KIND0	IOMMU
#define KIND1	SLOW
#define KIND2	EAGER
#endif

#define LIVE		0
#define REVOKING	1
#define REVOKED		2
#define DEAD		3

byte kind[N];

/* The buffer. */
byte state = LIVE;
byte held;		/* address lists that importers hold */
bool resv;		/* the reservation lock is taken */
bool provider;		/* the provider's lock is taken */

/* Facts that the provider knows, and the device as it is. */
byte blocked_reset;
byte blocked_config;
bool blocked_power;
bool gone, withdrawn;
bool exported;		/* there is a buffer */
bool decoding = true;	/* as asked last */
bool in_reset, low_power, memory_off;
bool ended;		/* close or withdraw has returned: a promise for good */

/* Importers. */
bool listed[N];		/* in the kernel's list of attachments */
bool known[N];		/* in the core's list of those that use the DMA API */
bool want[N];		/* has asked for an IOMMU mapping, made now or at a restore */
bool mapped[N];
bool told[N];		/* invalidated while mapped: has to unmap, starts no job */
bool job[N];		/* its device is at work; stands for the fence, too */
bool tlb[N];		/* the device has a translation, or needs none */
bool container[N];	/* the container's lock is taken */
bool cpu_mapped;	/* a process has a page of the buffer */

#define LOCK		resv == 0 -> resv = 1
#define UNLOCK		resv = 0

/* ------------------------------------------------------- what must be true */

/* An IOMMU stops a job of which it has no translation; nothing else does. */
#define reach(i)	(tlb[i] || (job[i] && (kind[i] == EAGER || kind[i] == LATE)))
#if N == 1
#define reachable	(cpu_mapped || reach(0))
#define unrestored	(want[0] && !mapped[0])
#elif N == 2
#define reachable	(cpu_mapped || reach(0) || reach(1))
#define unrestored	((want[0] && !mapped[0]) || (want[1] && !mapped[1]))
#elif N == 3
#define reachable	(cpu_mapped || reach(0) || reach(1) || reach(2))
#define unrestored	((want[0] && !mapped[0]) || (want[1] && !mapped[1]) || \
			 (want[2] && !mapped[2]))
#endif
#define no_memory	(in_reset || low_power || memory_off || ended)

/* Either guard can be passed only when something is wrong. */
active proctype monitor()
{
end:	if
	:: atomic { exported && no_memory && reachable -> assert(!(no_memory && reachable)) }
	:: atomic { state == LIVE && !resv && unrestored -> assert(!unrestored) }
	fi
}

/* With the importers' promises kept, whoever is fair sees each revoke end. */
#ifdef LIVENESS
ltl ends { [] (state == REVOKING -> <> (state != REVOKING)) }
#endif

/* ------------------------------------------------------------- importers */

inline iommu_map(i)
{
	mapped[i] = true;
	tlb[i] = true
}

inline iommu_unmap(i)
{
	mapped[i] = false;
#ifndef NO_IOMMU_FLUSH
	tlb[i] = false
#endif
}

inline sgt_map(i)
{
	mapped[i] = true;
	tlb[i] = true;
#ifndef NO_HOLD
	held++
#endif
}

/* A lazy DMA domain forgets later; what needs no translation ends with the job. */
inline sgt_unmap(i)
{
	mapped[i] = false;
	told[i] = false;
	if
	:: kind[i] == SLOW
	:: else -> tlb[i] = false
	fi;
#ifndef NO_HOLD
	held--
#endif
}

/* The container backend; its lock is outside the reservation lock. */
proctype iommu_importer(byte i)
{
	exported;
	do
	:: atomic { !container[i] -> container[i] = true };
	   if
	   :: !listed[i] ->
		/* Attach: not to what is dead; typed importers may while it is revoked. */
		if
		:: state == DEAD -> skip
		:: else ->
			atomic { LOCK; listed[i] = true; UNLOCK };
			atomic {
				LOCK;
				if
				:: state == LIVE -> want[i] = true; iommu_map(i)
#ifdef DEFERRED_MAPS_AT_ONCE
				:: state == REVOKING || state == REVOKED ->
					want[i] = true; iommu_map(i)
#else
				:: state == REVOKING || state == REVOKED ->
					want[i] = true
#endif
				:: state == DEAD
				fi;
				UNLOCK
			}
		fi
	   :: listed[i] ->
		/* Unmapped by its user, or killed. */
		atomic {
			LOCK;
			if
			:: mapped[i] -> iommu_unmap(i)
			:: else
			fi;
			want[i] = false;
			UNLOCK
		};
		atomic { LOCK; listed[i] = false; UNLOCK }
	   fi;
	   container[i] = false
	od
}

proctype sgt_importer(byte i)
{
	exported;
	do
	:: !listed[i] && state == LIVE ->
		/* The check is made without the lock: the state may be another by now. */
		atomic { LOCK; known[i] = true; UNLOCK };
		atomic { LOCK; listed[i] = true; UNLOCK }
#ifdef NO_MAP_CHECK
	:: atomic { listed[i] && !mapped[i] && !resv -> LOCK; sgt_map(i); UNLOCK }
#elif defined(MAP_WITHOUT_LOCK)
	:: listed[i] && !mapped[i] && state == LIVE ->
		atomic { sgt_map(i) }
#else
	:: atomic { listed[i] && !mapped[i] && state == LIVE && !resv ->
		LOCK; sgt_map(i); UNLOCK }
#endif
#ifdef JOB_AFTER_INVALIDATE
	:: atomic { mapped[i] && !job[i] && !resv -> job[i] = true }
#else
	:: atomic { mapped[i] && !told[i] && !job[i] && !resv -> job[i] = true }
#endif
	   /* It does not want it any more. */
	:: atomic { mapped[i] && !told[i] && !resv -> LOCK; sgt_unmap(i); UNLOCK }
	   /* Detach, or be killed, whatever its device does; a fence outlives this. */
	:: atomic { listed[i] && !told[i] && !resv -> LOCK;
		if
		:: mapped[i] -> sgt_unmap(i)
		:: else
		fi;
		UNLOCK };
		atomic { LOCK; listed[i] = false; UNLOCK };
#ifndef NO_DETACH_FLUSH
		atomic { LOCK; tlb[i] = false; known[i] = false; UNLOCK }
#else
		atomic { LOCK; known[i] = false; UNLOCK }
#endif
	od
}

/* What an importer has promised: to unmap when told, and that its jobs end. */
proctype sgt_worker(byte i)
{
end:	do
#ifndef NEVER_UNMAPS
	:: atomic { told[i] && mapped[i] && !resv -> LOCK;
		if
		:: kind[i] == LATE && !job[i] -> job[i] = true
		:: skip
		fi;
		sgt_unmap(i);
		UNLOCK }
#endif
	:: atomic { job[i] -> job[i] = false }
	od
}

/* A process touches its mapping. */
proctype cpu()
{
end:	exported;
end2:	do
#ifdef NO_FAULT_CHECK
	:: atomic { !cpu_mapped && !resv -> cpu_mapped = true }
#else
	:: atomic { !cpu_mapped && !resv && state == LIVE -> cpu_mapped = true }
#endif
	od
}

/* --------------------------------------------------------------- a revoke */

#ifdef RESTORE_LOOKS_AT_ONE_CAUSE
#define accessible	(!blocked_reset && !blocked_config && decoding && \
			 !gone && !withdrawn)
#else
#define accessible	(!blocked_reset && !blocked_config && !blocked_power && \
			 decoding && !gone && !withdrawn)
#endif

/* Reservation lock held, as in all callbacks. */
inline invalidate_all()
{
	k = 0;
	do
	:: k < N ->
		if
		:: listed[k] && kind[k] == IOMMU ->
#ifdef CALLBACK_TAKES_CONTAINER_LOCK
			container[k] == 0;
#endif
			if
#ifndef NO_IOMMU_UNMAP
			:: mapped[k] -> iommu_unmap(k)
#else
			:: mapped[k] -> mapped[k] = false
#endif
			:: else
			fi
		:: listed[k] && (kind[k] == SLOW || kind[k] == LATE) ->
			told[k] = mapped[k];
#ifdef CALLBACK_WAITS_FOR_WORKER
			mapped[k] == false
#endif
		:: listed[k] && kind[k] == EAGER ->
			if
			:: mapped[k] -> sgt_unmap(k)
			:: else
			fi
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

inline restore_all()
{
	k = 0;
	do
	:: k < N ->
		if
		:: want[k] && listed[k] -> iommu_map(k)
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

#ifdef FLUSH_LISTED_ONLY
#define flushed(i)	(listed[i])
#else
#define flushed(i)	(known[i])
#endif

inline flush_all()
{
	k = 0;
	do
	:: k < N ->
		if
#ifndef NO_FLUSH
		:: kind[k] == SLOW && flushed(k) -> tlb[k] = mapped[k]
#endif
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0
}

#if N == 1
#define fences		(job[0])
#elif N == 2
#define fences		(job[0] || job[1])
#else
#define fences		(job[0] || job[1] || job[2])
#endif

inline wait_drained()
{
#ifdef FENCES_BEFORE_HELD
	!fences;
#endif
#ifndef NO_HELD_WAIT
	held == 0;
#endif
#if !defined(NO_FENCE_WAIT) && !defined(FENCES_BEFORE_HELD)
	!fences;
#endif
}

/* One arc, if the facts ask for one. */
inline buffer_step()
{
	LOCK;
	moved = false;
	if
	:: state == LIVE && !accessible ->
		moved = true;
#ifdef LIVE_TO_DEAD
		if
		:: gone || withdrawn -> state = DEAD
		:: else -> state = REVOKING
		fi;
#else
		state = REVOKING;
#endif
#ifndef NO_ZAP
		cpu_mapped = false;
#endif
#ifndef NO_INVALIDATE
		invalidate_all();
#endif
#ifdef WAIT_UNDER_LOCK
		wait_drained();
#endif
	:: state == REVOKING && drained ->
		moved = true;
		state = REVOKED;
		flush_all()
	:: state == REVOKED && (gone || withdrawn) ->
		moved = true;
		state = DEAD
	:: state == REVOKED && accessible ->
		moved = true;
		state = LIVE;
#ifndef NO_RESTORE
		restore_all()
#endif
	:: else
	fi;
	UNLOCK
}

/*
 * Facts have changed: ask whether the device decodes, if that would decide, and take the
 * buffer as far as the facts demand.
 */
inline apply()
{
	atomic {
		decoding = true;
#ifndef NO_DECODING_CHECK
		if
		:: accessible -> decoding = !memory_off
		:: else
		fi;
#endif
	};
	do
	:: atomic {
		buffer_step();
		if
		:: drained && !moved -> drained = false; break
		:: !drained && state != REVOKING -> drained = true
		:: else
		fi
	   };
	   if
	   :: !drained -> wait_drained(); drained = true
	   :: else
	   fi
	od
}

#ifdef NO_PROVIDER_LOCK
#define PROVIDER_LOCK	skip
#define PROVIDER_UNLOCK	skip
#else
#define PROVIDER_LOCK	atomic { !provider -> provider = true }
#define PROVIDER_UNLOCK	provider = false
#endif

/* --------------------------------------------------------- what happens */

#define EXPORT		0
#define IDLE		1
#define RESET_BEGINS	2
#define RESET_ENDS	3
#define CONFIG_BEGINS	4
#define CONFIG_ENDS	5

/*
 * The export, perhaps while there is no memory; then resets, after which the device may
 * not decode, and config writes. Each has the facts change before and after it.
 */
proctype device()
{
	byte k, event = EXPORT;
	bool moved, drained;

	do
	:: PROVIDER_LOCK;
	   atomic {
		if
		:: event == EXPORT
		:: event == IDLE -> event = RESET_BEGINS; blocked_reset++
		:: event == IDLE -> event = CONFIG_BEGINS; blocked_config++
		:: event == RESET_ENDS -> blocked_reset--
		:: event == CONFIG_ENDS -> blocked_config--
		fi
	   };
#ifdef NO_CHECK_AT_EXPORT
	   if
	   :: event == EXPORT
	   :: else -> apply()
	   fi;
#else
	   apply();
#endif
	   PROVIDER_UNLOCK;

	   if
	   :: event == EXPORT -> atomic { exported = true; event = IDLE }
	   :: event == RESET_BEGINS ->
		atomic { in_reset = true; event = RESET_ENDS };
#ifndef UNBLOCK_BEFORE_MEMORY
		if
		:: in_reset = false
		:: atomic { memory_off = true; in_reset = false }
		fi
#endif
	   :: event == CONFIG_BEGINS ->
		atomic {
			event = CONFIG_ENDS;
			if
			:: memory_off = true
			:: memory_off = false
			fi
		}
	   :: event == RESET_ENDS || event == CONFIG_ENDS ->
		atomic { in_reset = false; event = IDLE }
	   fi
	od
}

proctype power()
{
	byte k;
	bool moved, drained;

	exported;
	do
	:: PROVIDER_LOCK;
	   blocked_power = !blocked_power;
	   apply();
	   PROVIDER_UNLOCK;
	   if
	   :: blocked_power ->
		low_power = true;
		low_power = false
	   :: else
	   fi
	od
}

/* The owner revokes the buffer for good, or the last user of the device goes. */
proctype end_of_access()
{
	byte k;
	bool moved, drained;

	exported;
	PROVIDER_LOCK;
	if
	:: withdrawn = true
	:: gone = true
	fi;
	apply();
	PROVIDER_UNLOCK;
	ended = true
}

init
{
	byte i;

	if
	:: memory_off = true
	:: skip
	fi;
	atomic {
		kind[0] = KIND0;
#if N > 1
		kind[1] = KIND1;
#endif
#if N > 2
		kind[2] = KIND2;
#endif
		for (i : 0 .. N - 1) {
			if
			:: kind[i] == IOMMU -> run iommu_importer(i)
			:: else -> run sgt_importer(i); run sgt_worker(i)
			fi
		}
		run cpu();
		run device();
#if !defined(RESETS_ONLY) && !defined(WITHOUT_POWER)
		run power();
#endif
#ifndef RESETS_ONLY
		run end_of_access()
#endif
	}
}
