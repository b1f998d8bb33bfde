/* The file view without a kernel: tables with a few rows, and what a caller finds in the tree.
 *
 * A test begins with view_as() and ends with view_end_look() as its teardown; the group has view_set_up() and
 * view_tear_down(). */
#ifndef AQ_TESTS_LIB_VIEW_CASE_H
#define AQ_TESTS_LIB_VIEW_CASE_H

#include "fs/link/eventfeed.h"
#include "fs/link/news.h"
#include "fs/tree/complaints.h"
#include "fs/tree/look.h"
#include "fs/tree/node.h"
#include "fs/tree/outputs.h"

#include <sys/types.h>

enum { DAEMON_UID = 4242 }; /* of the cluster user daemon */

struct view_case {
    char directory[64];
    struct state *tables;
    struct live *heartbeats;
    struct complaints *complaints;
    struct eventfeed *feed;
    struct news *news;
    struct look_sources sources;
    struct look look;
};
extern struct view_case view;

int view_set_up(void **state);
int view_tear_down(void **state);

/* Begins a look as this unix user; ends the one before. */
void view_as(uid_t uid);
int view_end_look(void **state);

/* Finds the node at the path, as the kernel would: name by name. */
bool view_walk(const char *path, struct tree_node *node);
void view_exists(const char *path);
void view_has_no(const char *path);
void view_holds(const char *path, const char *expected);
void view_leads_to(const char *path, const char *expected);
mode_t view_mode_of(const char *path);
void view_lists(const char *path, const char *expected); /* all names, each with a blank behind it */

#endif
