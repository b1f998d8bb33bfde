#include "tests/torture/torture.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SETTLE_S = 60, SETTLE_PAUSE_MS = 50 };

static bool wrong(struct check *check, const char *format, ...) AQ_PRINTF(2, 3);
static bool wrong(struct check *check, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (check->fault[0] == '\0')
        vsnprintf(check->fault, sizeof check->fault, format, values);
    va_end(values);
    return false;
}

void check_note_killed(struct check *check, uint64_t resource)
{
    if (check->killed_count < KILLED_MAX)
        check->killed[check->killed_count++] = resource;
}

static bool was_killed(const struct check *check, uint64_t resource)
{
    for (unsigned i = 0; i < check->killed_count; i++)
        if (check->killed[i] == resource)
            return true;
    return check->killed_count == KILLED_MAX;
}

static json_t *list(struct check *check, const char *path, uint64_t after)
{
    json_t *rows = rest_list(&check->rest, path, after);
    if (rows == NULL)
        wrong(check, "%s cannot be read", path);
    return rows;
}

/* ---- waiting until nothing changes
 * --------------------------------------------------------------------------------------------------- */

static size_t count_of(struct check *check, const char *path, uint64_t after)
{
    json_t *rows = rest_list(&check->rest, path, after);
    size_t count = rows != NULL ? json_array_size(rows) : SIZE_MAX;
    json_decref(rows);
    return count;
}

static bool stays(const char *label)
{
    return strcmp(label, "stay") == 0 || strcmp(label, "limited") == 0 || strcmp(label, "simstay") == 0;
}

/* Describes what is still changing; "" when nothing is. */
static const char *what_moves(struct check *check, bool empty, char *words, size_t size)
{
    static const char *const passing[] = {"NEW", "ELECTED", "DEALLOCATE", NULL};
    char path[64];
    words[0] = '\0';
    if (count_of(check, "node/?status=ACTIVE", 0) != AGENTS)
        snprintf(words, size, "a node is not ACTIVE");
    for (int i = 0; passing[i] != NULL && words[0] == '\0'; i++) {
        snprintf(path, sizeof path, "application/?status=%s", passing[i]);
        size_t count = count_of(check, path, check->floor);
        if (count > 0)
            snprintf(words, size, "%zu applications are %s", count, passing[i]);
    }
    json_t *rows = words[0] == '\0' ? rest_list(&check->rest, "application/?status=ALLOCATED", check->floor) : NULL;
    size_t i;
    json_t *row;
    json_array_foreach (rows, i, row)
        if (!stays(json_text(row, "label")))
            snprintf(words, size, "application %llu of %s still runs", (unsigned long long)json_number(row, "id"),
                     json_text(row, "label"));
    size_t held = count_of(check, "resource/", 0), allocated = rows != NULL ? json_array_size(rows) : 0;
    if (words[0] == '\0' && held != (empty ? 0 : allocated))
        snprintf(words, size, "%zu resources for %zu ALLOCATED applications", held, allocated);
    json_decref(rows);
    return words;
}

bool check_settled(struct check *check, bool empty)
{
    char words[200];
    for (double until = now_s() + SETTLE_S; now_s() < until; pause_ms(SETTLE_PAUSE_MS))
        if (what_moves(check, empty, words, sizeof words)[0] == '\0')
            return true;
    return wrong(check, "the cluster does not settle: %s", words);
}

/* ---- the ledger against applications ------------------------------------------------------------------------- */

static struct op *op_of(const struct check *check, const json_t *row, unsigned *item)
{
    const json_t *metadata = json_object_get(row, "metadata"), *number = json_object_get(metadata, "op");
    *item = (unsigned)json_number(metadata, "item");
    if (!json_is_integer(number) || (uint64_t)json_integer_value(number) >= check->load->count || *item >= BATCH_ITEMS)
        return NULL;
    return check->load->ops[json_integer_value(number)];
}

/* Whether this test killed a process of the application. */
static bool check_killed(struct check *check, uint64_t application, const char *words)
{
    char path[64];
    snprintf(path, sizeof path, "application/%llu/events", (unsigned long long)application);
    json_t *events = list(check, path, 0), *event;
    bool found = false;
    size_t i;
    json_array_foreach (events, i, event)
        found = found || (strcmp(json_text(event, "event"), "application_elected") == 0 &&
                          was_killed(check, json_number(json_object_get(event, "data"), "resource")));
    json_decref(events);
    return found || wrong(check, "application %llu was killed, but not by this test: %s",
                          (unsigned long long)application, words);
}

/* An application that ended by itself must have ended as its label says, unless this test killed its process or no
 * attempt to start it succeeded. */
static bool check_end(struct check *check, const struct op *op, const json_t *row)
{
    const char *status = json_text(row, "status"), *words = json_text(row, "description");
    bool errored = strcmp(status, "ERROR") == 0;
    if (errored && strstr(words, "ended: ") != NULL && strstr(words, "killed") != NULL)
        return check_killed(check, json_number(row, "id"), words);
    if (errored && strstr(words, "ended: ") == NULL) {
        check->failed_tries++;
        return true;
    }
    const char *wanted = strcmp(op->label, "brief0") == 0   ? "DEALLOCATED"
                         : strcmp(op->label, "brief7") == 0 ? "ERROR"
                         : strcmp(op->label, "sim3") == 0   ? "ERROR"
                                                            : "";
    const char *how = strcmp(op->label, "brief7") == 0 ? "exit status 7"
                      : strcmp(op->label, "sim3") == 0 ? "exit status 3"
                                                       : "";
    if (strcmp(status, wanted) != 0 || strstr(words, how) == NULL)
        return wrong(check, "application %llu of %s is %s: %s", (unsigned long long)json_number(row, "id"), op->label,
                     status, words);
    return true;
}

static bool is_over(const char *status)
{
    return strcmp(status, "DEALLOCATED") == 0 || strcmp(status, "RECALLED") == 0 || strcmp(status, "ERROR") == 0;
}

static bool check_row(struct check *check, const json_t *row, const bool *deallocated, const bool *maybe_deallocated)
{
    unsigned item;
    struct op *op = op_of(check, row, &item);
    uint64_t id = json_number(row, "id");
    const char *status = json_text(row, "status");
    if (op == NULL || (op->kind != OP_CREATE && op->kind != OP_FILE) || item >= op->items)
        return wrong(check, "application %llu was never requested", (unsigned long long)id);
    if (op->ids[item] == 0 && op->kind == OP_FILE)
        op->ids[item] = id; /* the client never learned its number */
    if (op->ids[item] != id)
        return wrong(check, "request %u was executed twice: applications %llu and %llu", op->number,
                     (unsigned long long)op->ids[item], (unsigned long long)id);
    if (strcmp(json_text(row, "label"), op->label) != 0)
        return wrong(check, "application %llu has the label %s, not %s", (unsigned long long)id,
                     json_text(row, "label"), op->label);
    if (deallocated[id] && !is_over(status) && strcmp(status, "DEALLOCATE") != 0)
        return wrong(check, "application %llu was deallocated, but is %s", (unsigned long long)id, status);
    if (!deallocated[id] && !maybe_deallocated[id] && is_over(status))
        return check_end(check, op, row);
    return true;
}

struct seen {
    bool *there, *deallocated, *maybe_deallocated; /* indexed by application */
    uint64_t most;
};

static void note_deallocations(const struct load *load, struct seen *seen)
{
    for (unsigned i = 0; i < load->count; i++) {
        const struct op *op = load->ops[i];
        if (op->kind != OP_DEALLOCATE || op->ids[0] > seen->most)
            continue;
        if (op->done)
            seen->deallocated[op->ids[0]] = true;
        else if (op->body == NULL) /* through a file, without an answer */
            seen->maybe_deallocated[op->ids[0]] = true;
    }
}

/* Checks that everything that was acknowledged is there. */
static bool check_acknowledged(struct check *check, const struct seen *seen, bool whole)
{
    for (unsigned i = 0; i < check->load->count; i++) {
        struct op *op = check->load->ops[i];
        if ((op->checked && !whole) || !op->done || (op->kind != OP_CREATE && op->kind != OP_FILE))
            continue;
        for (unsigned item = 0; item < op->items; item++)
            if (op->ids[item] == 0 || op->ids[item] > seen->most || !seen->there[op->ids[item]])
                return wrong(check, "request %u was acknowledged, but its application %llu is missing", op->number,
                             (unsigned long long)op->ids[item]);
        op->checked = true;
    }
    return true;
}

static void raise_floor(struct check *check, const json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)rows, i, row) {
        if (!is_over(json_text(row, "status")))
            return;
        check->floor = json_number(row, "id");
    }
}

static bool check_applications(struct check *check, bool whole)
{
    json_t *rows = list(check, "application/", whole ? 0 : check->floor), *row;
    if (rows == NULL)
        return false;
    struct seen seen = {.most = json_number(json_array_get(rows, json_array_size(rows) - 1), "id")};
    seen.there = aq_calloc(seen.most + 1, 3);
    seen.deallocated = seen.there + seen.most + 1;
    seen.maybe_deallocated = seen.deallocated + seen.most + 1;
    note_deallocations(check->load, &seen);
    bool good = true;
    size_t i;
    json_array_foreach (rows, i, row) {
        seen.there[json_number(row, "id")] = true;
        good = good && check_row(check, row, seen.deallocated, seen.maybe_deallocated);
    }
    if (!whole) /* those below the floor are checked at the end */
        memset(seen.there, true, check->floor < seen.most ? check->floor + 1 : seen.most + 1);
    good = good && check_acknowledged(check, &seen, whole);
    raise_floor(check, rows);
    free(seen.there);
    json_decref(rows);
    return good;
}

static bool check_labels(struct check *check, bool whole)
{
    for (unsigned i = 0; i < check->load->count; i++) {
        struct op *op = check->load->ops[i];
        char path[64];
        if (op->kind != OP_LABEL || !op->done || (op->checked && !whole))
            continue;
        snprintf(path, sizeof path, "label/?name=made-%u", op->number);
        json_t *rows = list(check, path, 0);
        bool good = json_array_size(rows) == 1 && json_number(json_array_get(rows, 0), "id") == op->ids[0];
        if (!good)
            wrong(check, "label made-%u, id %llu, exists %zu times", op->number, (unsigned long long)op->ids[0],
                  json_array_size(rows));
        json_decref(rows);
        if (!good)
            return false;
        op->checked = true;
    }
    return true;
}

/* ---- resources against nodes and processes ------------------------------------------------------------------ */

static const char *const amounts[] = {"cpu", "ram", "disk", "slots"};
enum { AMOUNTS = 4 };

/* The MiB in a size, which is a text such as 16MiB. */
static double amount(const json_t *row, const char *what, const char *name)
{
    const json_t *value = json_object_get(json_object_get(row, what), name);
    char *unit;
    if (!json_is_string(value))
        return json_number_value(value);
    double number = strtod(json_string_value(value), &unit);
    return number * (*unit == 'P' ? 1 << 30 : *unit == 'T' ? 1 << 20 : *unit == 'G' ? 1024 : 1);
}

static bool check_node(struct check *check, const json_t *node, const json_t *resources)
{
    double sums[AMOUNTS] = {0};
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)resources, i, row)
        for (int a = 0; a < AMOUNTS && strcmp(json_text(row, "node"), json_text(node, "name")) == 0; a++)
            sums[a] += amount(row, "amounts", amounts[a]);
    for (int a = 0; a < AMOUNTS; a++) {
        double used = amount(node, "used", amounts[a]), capacity = amount(node, "capacity", amounts[a]);
        double difference = used - sums[a];
        if (difference > 0.0001 || difference < -0.0001)
            return wrong(check, "node %s: %s used is %g, but its resources hold %g", json_text(node, "name"),
                         amounts[a], used, sums[a]);
        if (used > capacity)
            return wrong(check, "node %s: %s used is %g, more than its capacity of %g", json_text(node, "name"),
                         amounts[a], used, capacity);
    }
    return true;
}

static json_t *find_number(const json_t *rows, const char *field, uint64_t number)
{
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)rows, i, row)
        if (json_number(row, field) == number)
            return row;
    return NULL;
}

/* Checks that each RUNNING resource has one main process, and that there is no other process. */
static bool check_processes(struct check *check, const json_t *resources)
{
    size_t count, groups, i, expected = 0;
    json_t *row;
    bool good = true;
    struct found_process *found = victims_list(check->cluster, &count, &groups);
    for (i = 0; i < count && good; i++) {
        row = find_number(resources, "id", found[i].resource);
        char identifier[32];
        snprintf(identifier, sizeof identifier, "pid %d", found[i].pid);
        if (row == NULL || strcmp(json_text(row, "node"), check->cluster->names[found[i].agent]) != 0)
            good = wrong(check, "process %d of resource %llu on %s is an orphan", found[i].pid,
                         (unsigned long long)found[i].resource, check->cluster->names[found[i].agent]);
        else if (strcmp(json_text(row, "identifier"), identifier) != 0)
            good = wrong(check, "resource %llu has the process %d, but should have %s",
                         (unsigned long long)found[i].resource, found[i].pid, json_text(row, "identifier"));
    }
    json_array_foreach ((json_t *)(uintptr_t)resources, i, row) {
        if (strcmp(json_text(row, "status"), "RUNNING") != 0)
            good = good && wrong(check, "resource %llu is %s", (unsigned long long)json_number(row, "id"),
                                 json_text(row, "status"));
        expected += strcmp(json_text(row, "driver"), "process") == 0;
    }
    if (good && expected != count)
        good = wrong(check, "%zu RUNNING resources have processes, but there are %zu processes", expected, count);
    free(found);
    return good;
}

/* Checks that no resource was ever started twice, by what the main processes have written. */
static bool check_starts(struct check *check, const json_t *resources)
{
    size_t i;
    json_t *row;
    bool started = false;
    FILE *file = fopen(check->cluster->starts, "re");
    unsigned long long resource, *seen = NULL;
    size_t count = 0, capacity = 0;
    bool good = true;
    while (file != NULL && good && fscanf(file, "%llu %*[^\n]", &resource) == 1) {
        for (size_t k = count; k > 0 && good; k--)
            if (seen[k - 1] == resource)
                good = wrong(check, "resource %llu was started twice", resource);
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            seen = aq_realloc(seen, capacity * sizeof *seen);
        }
        seen[count++] = resource;
    }
    json_array_foreach ((json_t *)(uintptr_t)resources, i, row)
        started = started || strncmp(json_text(row, "identifier"), "pid ", 4) == 0;
    if (good && count == 0 && started)
        good = wrong(check, "workloads have started, but none has left its mark");
    free(seen);
    if (file != NULL)
        fclose(file);
    return good;
}

static bool check_resources(struct check *check)
{
    json_t *resources = list(check, "resource/", 0), *nodes = list(check, "node/", 0), *row;
    bool good = resources != NULL && nodes != NULL;
    size_t i, k;
    for (i = 0; good && i < json_array_size(resources); i++)
        for (k = 0; good && k < i; k++) {
            row = json_array_get(resources, i);
            if (json_number(row, "application") == json_number(json_array_get(resources, k), "application"))
                good = wrong(check, "application %llu has two resources",
                             (unsigned long long)json_number(row, "application"));
        }
    for (i = 0; good && i < json_array_size(nodes); i++)
        good = check_node(check, json_array_get(nodes, i), resources);
    good = good && check_processes(check, resources) && check_starts(check, resources);
    json_decref(resources);
    json_decref(nodes);
    return good;
}

/* ---- the log ---------------------------------------------------------------------------------------------------- */

static bool check_log(struct check *check)
{
    struct http_reply reply = {0};
    rest_ask(&check->rest, &reply, "GET", "log/verify", NULL, NULL);
    uint64_t seq = json_number(reply.json, "seq");
    bool equal = reply.status == 200 && strstr(json_text(reply.json, "data"), "equal\n") != NULL;
    if (!equal)
        wrong(check, "log verify: status %ld: %s", reply.status, json_text(reply.json, "message"));
    else if (seq != 0 && seq < check->load->seq)
        equal = wrong(check, "the log ends at seq %llu, but %llu was acknowledged", (unsigned long long)seq,
                      (unsigned long long)check->load->seq);
    http_reply_free(&reply);
    return equal;
}

bool check_all(struct check *check, bool whole)
{
    if (check->load->fault[0] != '\0')
        return wrong(check, "%s", check->load->fault);
    return check_applications(check, whole) && check_labels(check, whole) && check_resources(check) && check_log(check);
}
