/* SPDX-License-Identifier: MIT */
/*
 * An event on its way through the guest's IDT, and the word that both vendors say it with: on VMX the
 * VM-entry and VM-exit interruption information and the IDT-vectoring information (SDM vol. 3C tables
 * 25-17, 25-19, 25-20), on SVM the low half of EVENTINJ and EXITINTINFO (APM vol. 2 15.7.2, 15.20).
 */
#ifndef GUEST_MACHINE_EVENT_H
#define GUEST_MACHINE_EVENT_H

#include "arch/types.h"

/* SVM has no types 5 and 6: there INT1, INT3 and INTO are exceptions. */
enum event_type {
	EVENT_AGAIN =
		-2, /* INT n, INT3 or INTO was cut, and is to be run again rather than injected */
	EVENT_NONE = -1,
	EVENT_EXTINT = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFT_INT = 4,       /* INT n */
	EVENT_PRIV_SOFT_EXC = 5,  /* INT1 */
	EVENT_SOFT_EXCEPTION = 6, /* INT3, INTO */
};

struct event {
	enum event_type type;
	u8 vector;
	bool has_error;
	u32 error;
	u32 insn_len; /* bytes; soft events on VMX only: the instruction that raised it */
};

#define EVENT_INFO_VECTOR(info) ((u8)(info))
#define EVENT_INFO_TYPE(info)   ((enum event_type)((info) >> 8 & 7))
#define EVENT_INFO_TYPE_SHIFT   8
#define EVENT_INFO_ERROR_SHIFT  11
#define EVENT_INFO_VALID        BIT(31)

/* The word that injects an event; its error code is not part of it. */
static inline u32 event_to_info(const struct event *event)
{
	return EVENT_INFO_VALID | (u32)event->has_error << EVENT_INFO_ERROR_SHIFT |
	       (u32)event->type << EVENT_INFO_TYPE_SHIFT | event->vector;
}

/*
 * The event of a word, without its error code and insn_len. False when the word is not valid: then only
 * the type is set, to EVENT_NONE.
 */
static inline bool event_of_info(struct event *event, u32 info)
{
	event->type = EVENT_NONE;
	if (likely(!(info & EVENT_INFO_VALID)))
		return false;
	*event = (struct event){
		.type = EVENT_INFO_TYPE(info),
		.vector = EVENT_INFO_VECTOR(info),
		.has_error = info & BIT(EVENT_INFO_ERROR_SHIFT),
	};
	return true;
}

#endif
