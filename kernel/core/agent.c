// SPDX-License-Identifier: GPL-2.0-only
/* Agents: modules that speak for importers which know nothing of types. */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "internal.h"

static DEFINE_MUTEX(agents_lock);
static LIST_HEAD(agents);	/* agents_lock */

bool peerbuf_agent_find(struct dma_buf_attachment *attach, char owner[MODULE_NAME_LEN])
{
	struct peerbuf_agent *agent;
	bool found = false;

	mutex_lock(&agents_lock);
	list_for_each_entry(agent, &agents, node) {
		found = agent->speaks_for(attach);
		if (found) {
			strscpy(owner, agent->owner, MODULE_NAME_LEN);
			break;
		}
	}
	mutex_unlock(&agents_lock);
	return found;
}

int peerbuf_agent_register(struct peerbuf_agent *agent)
{
	if (!peerbuf_raw_pal_allowed(agent->owner))
		return -EPERM;
	mutex_lock(&agents_lock);
	list_add(&agent->node, &agents);
	mutex_unlock(&agents_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_agent_register);

void peerbuf_agent_unregister(struct peerbuf_agent *agent)
{
	mutex_lock(&agents_lock);
	list_del(&agent->node);
	mutex_unlock(&agents_lock);
}
EXPORT_SYMBOL_GPL(peerbuf_agent_unregister);
