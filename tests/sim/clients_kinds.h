/* What users and admins ask for: a function for each row of kinds[] in clients.c, and what these functions share.
 *
 * Each draws one request, which is not submitted yet. NULL: there was nothing to ask for, or a face would have refused
 * it. */
#ifndef AQ_TESTS_SIM_CLIENTS_KINDS_H
#define AQ_TESTS_SIM_CLIENTS_KINDS_H

#include "schema/codec/command.h"
#include "tests/sim/clients.h"

#include <jansson.h>

enum { USERS = 4, MEMBERS = 2, LABELS = 4, PROJECTS = 3 };

/* ---- clients_work.c */

struct asked *clients_create_applications(struct clients *clients);
struct asked *clients_give_back(struct clients *clients);
struct asked *clients_extend(struct clients *clients);
struct asked *clients_make_task(struct clients *clients);
struct asked *clients_cancel_task(struct clients *clients);
struct asked *clients_create_label(struct clients *clients);
struct asked *clients_apply_label(struct clients *clients);
struct asked *clients_delete_label(struct clients *clients);

/* ---- clients_nodes.c */

struct asked *clients_set_maintenance(struct clients *clients);
struct asked *clients_drain_node(struct clients *clients);
struct asked *clients_set_quarantine(struct clients *clients);
struct asked *clients_shut_node_down(struct clients *clients);
struct asked *clients_set_projects(struct clients *clients);
struct asked *clients_delete_node(struct clients *clients);

/* ---- clients_accounts.c */

struct asked *clients_create_user(struct clients *clients);
struct asked *clients_update_user(struct clients *clients);
struct asked *clients_change_token(struct clients *clients);
struct asked *clients_create_token(struct clients *clients);
struct asked *clients_delete_token(struct clients *clients);
struct asked *clients_change_uid(struct clients *clients);
struct asked *clients_delete_user(struct clients *clients);
struct asked *clients_create_project(struct clients *clients);
struct asked *clients_update_project(struct clients *clients);
struct asked *clients_delete_project(struct clients *clients);

/* ---- clients_members.c */

struct asked *clients_create_member(struct clients *clients);
struct asked *clients_delete_member(struct clients *clients);
struct asked *clients_make_role(struct clients *clients);
struct asked *clients_create_membership(struct clients *clients);
struct asked *clients_update_membership(struct clients *clients);
struct asked *clients_delete_membership(struct clients *clients);
struct asked *clients_member_creates(struct clients *clients);
struct asked *clients_member_gives_back(struct clients *clients);
struct asked *clients_member_makes_label(struct clients *clients);
struct asked *clients_member_deletes_label(struct clients *clients);

/* ---- clients.c: what these functions share */

struct asked *clients_new_asked(struct clients *clients, const struct aq_command *command, const char *author);
/* Adds one record, made from JSON, which is released. False: the input is bad. It is refused there, as on a face, and
 * never reaches the writer. */
bool clients_add_json(struct clients *clients, struct asked *asked, const char *key, json_t *json);
/* A request with one such record. */
struct asked *clients_ask_json(struct clients *clients, const struct aq_command *command, const char *author,
                               const char *key, json_t *json);
/* The number of a row that is there, or nearly: mostly one of the last. `last` is the highest number. */
uint64_t clients_draw_id(struct clients *clients, size_t last);

#endif
