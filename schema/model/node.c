#include "schema/model/node.h"

#include "schema/model/label.h"
#include "schema/model/view.h"

#include <string.h>

AQ_DEFINE_WORDS(aq_node_status, AQ_NODE_STATUSES)
AQ_DEFINE_WORDS(aq_quarantine_status, AQ_QUARANTINE_STATUSES)
AQ_DEFINE_WORDS(aq_drain_status, AQ_DRAINS)
AQ_DEFINE_WORDS(aq_shutdown_status, AQ_SHUTDOWNS)
AQ_ENTITY(node, 1, "a worker host that runs aq-agent", .plural = "nodes", .rank = 30, .live = &aq_node_live_record)
AQ_DEFINE(aq_node_live, "node_live", 1, "what an agent's heartbeat says")
AQ_VIEW(node, "live", AQ_VIEW_LIVE, "what its agent reported last; not kept")
AQ_VIEW(node, "load", AQ_VIEW_LOAD, "what it uses of processors, memory, disks and network, and has used")

AQ_COMMAND(node, join, 20, AQ_INTERNAL_COMMAND, "an agent joins, changes or returns")
AQ_COMMAND(node, lose, 21, AQ_INTERNAL_COMMAND, "an agent has been silent for too long")
/* Also as text, as it comes from files and `aq`. */
static bool says_yes(const json_t *value)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && i < AQ_LENGTH(yes); i++)
        if (strcmp(text, yes[i]) == 0)
            return true;
    return json_is_true(value);
}

/* {"shutdown_after": "10m"} and {"cancel": true} say enough. */
static int maintenance_from_short(json_t *json, struct aq_error *error)
{
    (void)error;
    if (json_object_get(json, "maintenance") != NULL)
        return 0;
    if (says_yes(json_object_get(json, "cancel")))
        json_object_set_new(json, "maintenance", json_false());
    else if (json_object_get(json, "shutdown_after") != NULL)
        json_object_set_new(json, "maintenance", json_true());
    return 0;
}

AQ_COMMAND(node, maintenance, 22, AQ_ACTS,
           "switch maintenance on or off: a node in maintenance takes no new work, and its host may be shut down",
           .value = "maintenance", .older_form = maintenance_from_short)
AQ_COMMAND(node, drain, 28, AQ_ACTS,
           "put a node into maintenance, and empty it: what it has is deallocated, or ends, as its labels say",
           .past = "drain set")
AQ_COMMAND(node, quarantine, 36, AQ_ACTS, "let a node take no new work, or none of one label, until that is cleared",
           .past = "quarantine set")
AQ_COMMAND(node, tend, 29, AQ_INTERNAL_COMMAND, "do what is due for its quarantines, its drain and its shutdown")
AQ_COMMAND(node, shutdown_answer, 37, AQ_INTERNAL_COMMAND, "an agent was told to shut its host down")
AQ_COMMAND(node, delete, 23, AQ_DELETES, "delete a lost node; what it ran counts as ended")

AQ_COMMAND(node, enrol, 25, AQ_INTERNAL_COMMAND, "an agent enrols with a join token")
AQ_COMMAND(node, revoke, 26, AQ_ACTS,
           "revoke a node's key: its agent is out at once; what it runs is treated as that of a lost node",
           .past = "revoked")

AQ_COMMAND(node, projects, 27, AQ_ACTS, "say which projects a node serves: it takes new work of these alone",
           .value = "projects", .past = "projects set")

AQ_EVENT(node, joined, 20, 1, "a node joined")
AQ_EVENT(node, changed, 21, 1, "a node's description changed")
AQ_EVENT(node, status_set, 22, 1, "a node was lost, or came back")
AQ_EVENT(node, maintenance_set, 23, 1, "maintenance was switched")
AQ_EVENT(node, drain_set, 28, 1, "a node drains, is drained, or late with it")
AQ_EVENT(node, shutdown_set, 29, 1, "a shutdown of a node's host was planned, called off, or went on")
AQ_EVENT(node, quarantine_set, 36, 1, "a quarantine of a node, or of a label there, begins or is over")
AQ_EVENT(node, deleted, 24, 1, "a node was deleted")
AQ_EVENT(node, enrolled, 25, 1, "a node enrolled: it has a key of its own")
AQ_EVENT(node, revoked, 26, 1, "a node's key was revoked")
AQ_EVENT(node, projects_set, 27, 1, "the projects that a node serves were set")

bool aq_node_may_go(const struct aq_node *node, uint64_t time_ms)
{
    return node->shutdown_status == AQ_SHUTDOWN_GOING && time_ms < node->shutdown_at + AQ_SHUTDOWN_LATE_MS;
}

bool aq_node_is_tended(const struct aq_node *node)
{
    for (uint32_t i = 0; i < node->quarantines.count; i++) {
        const struct aq_quarantine *quarantine = AQ_ITEM(node->quarantines, struct aq_quarantine, i);
        if (quarantine->active && quarantine->until != 0)
            return true;
    }
    return node->drain_status == AQ_DRAINING || node->drain_status == AQ_DRAIN_LATE ||
           node->shutdown_status == AQ_SHUTDOWN_PLANNED || node->shutdown_status == AQ_SHUTDOWN_TOLD ||
           node->shutdown_status == AQ_SHUTDOWN_GOING;
}
