#include "tests/lib/decide_case.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "tests/lib/cluster.h"

#include <sodium.h>
#include <string.h>

struct spec spec;

int spec_setup(void **context)
{
    struct aq_error error = {0};
    (void)context;
    if (sodium_init() < 0)
        return -1;
    spec = (struct spec){.time_ms = SPEC_START_MS, .caller = aq_caller_internal("admin")};
    test_make_directory(spec.directory, sizeof spec.directory, "/tmp", "aquarium-test");
    spec.index = place_index_new();
    test_must(state_open(&spec.state, spec.directory, STATE_WRITE, SPEC_MAP_BYTES, &error), &error);
    test_must(state_write(spec.state, &spec.txn, &error), &error);
    return 0;
}

int spec_teardown(void **context)
{
    (void)context;
    state_end(spec.txn);
    state_close(spec.state);
    place_index_free(spec.index);
    aq_arena_free(&spec.arena);
    test_remove_tree(spec.directory);
    return 0;
}

void spec_as(const char *author, const char *role)
{
    spec.caller = strcmp(role, AQ_ROLE_ADMIN) == 0 ? aq_caller_internal(author) : test_caller(author, role);
}

uint64_t number_of(const char *user)
{
    struct aq_user row;
    return project_find_author(spec.txn, user, &row, &spec.arena) ? row.number : 0;
}

/* ---- records with all texts filled --------------------------------------------------------- */

static void spec_complete(const struct aq_record *record, void *object)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (aq_field_is_text(field) && *(const char **)AQ_AT(object, field) == NULL)
            *(const char **)AQ_AT(object, field) = field->type == AQ_TYPE_DOCUMENT ? "{}" : "";
        if (field->type == AQ_TYPE_RECORD)
            spec_complete(field->record, AQ_AT(object, field));
        if (field->type == AQ_TYPE_LIST) {
            struct aq_list *list = AQ_AT(object, field);
            for (uint32_t k = 0; k < list->count; k++)
                spec_complete(field->record, (char *)list->items + k * field->record->size);
        }
    }
}

void *spec_record(const struct aq_record *record, const void *object)
{
    void *copy = aq_arena_alloc(&spec.arena, record->size);
    aq_record_copy(record, copy, object, &spec.arena);
    spec_complete(record, copy);
    return copy;
}

/* ---- given -------------------------------------------------------------------------------------------- */

void spec_project(const struct aq_event_type *type, const void *data)
{
    struct project project = {.txn = spec.txn,
                              .index = spec.index,
                              .arena = &spec.arena,
                              .time_ms = spec.time_ms,
                              .seq = ++spec.seq,
                              .author = spec.caller.name,
                              .author_number = number_of(spec.caller.name)};
    struct aq_error error;
    project_event(&project, type, data);
    assert_false(state_failed(spec.txn, &error));
}

/* ---- when --------------------------------------------------------------------------------------------- */

void spec_when(const struct aq_command *command, const void *record)
{
    assert_false(spec.open);
    spec.caller.number = number_of(spec.caller.name);
    spec.decide = (struct decide){
        .txn = spec.txn, .index = spec.index, .arena = &spec.arena, .time_ms = spec.time_ms, .caller = spec.caller};
    spec.error = (struct aq_error){0};
    spec.checked = 0;
    spec.open = true;
    spec.status = decide_command(&spec.decide, command, spec_record(command->record, record), &spec.error);
}

/* ---- then --------------------------------------------------------------------------------------------- */

static void spec_show(const char *what, const struct aq_event_type *type, const void *data)
{
    struct aq_buffer json = {0};
    aq_record_to_json(type->record, data, &json);
    print_error("%s: %s %s\n", what, type->record->name, json.data);
    aq_buffer_free(&json);
}

static const struct decide_event *spec_next(int line, const struct aq_event_type *type)
{
    assert_true(spec.open);
    if (spec.status != 0)
        print_error("refused: %s\n", spec.error.message);
    if (spec.status != 0 || spec.checked == spec.decide.count)
        _fail("no such event was decided, at line", line);
    const struct decide_event *event = &spec.decide.events[spec.checked++];
    if (event->type != type) {
        spec_show("decided", event->type, event->data);
        _fail(type->record->name, line);
    }
    return event;
}

void spec_then(int line, const struct aq_event_type *type, const void *given)
{
    const struct decide_event *event = spec_next(line, type);
    const void *expected = spec_record(type->record, given);
    struct aq_buffer right = {0}, decided = {0};
    aq_record_pack(type->record, expected, &right);
    aq_record_pack(type->record, event->data, &decided);
    bool same = right.length == decided.length && memcmp(right.data, decided.data, right.length) == 0;
    aq_buffer_free(&right);
    aq_buffer_free(&decided);
    if (same)
        return;
    spec_show("expected", type, expected);
    spec_show("decided ", type, event->data);
    _fail(type->record->name, line);
}

void spec_then_elected(int line, struct aq_application_elected expected)
{
    struct decide_event event = *spec_next(line, &aq_event_application_elected);
    expected.groups = ((const struct aq_application_elected *)event.data)->groups;
    spec.checked--;
    spec_then(line, &aq_event_application_elected, &expected);
}

void spec_then_waiting(int line, struct aq_application_waiting expected)
{
    struct decide_event event = *spec_next(line, &aq_event_application_waiting);
    expected.groups = ((const struct aq_application_waiting *)event.data)->groups;
    spec.checked--;
    spec_then(line, &aq_event_application_waiting, &expected);
}

void spec_happens(void)
{
    for (size_t i = 0; i < spec.decide.count; i++)
        spec_project(spec.decide.events[i].type, spec.decide.events[i].data);
    spec.open = false;
}

void spec_done(int line)
{
    if (spec.status != 0) {
        print_error("refused: %s\n", spec.error.message);
        _fail("refused, at line", line);
    }
    if (spec.checked != spec.decide.count) {
        spec_show("decided too", spec.decide.events[spec.checked].type, spec.decide.events[spec.checked].data);
        _fail("more was decided than expected, at line", line);
    }
    spec_happens();
}

/* ---- common rows ------------------------------------------------------------------------------ */

void given_user(const char *name)
{
    GIVEN(user_created, .name = name, .role = AQ_ROLE_USER, .hash = "x");
}

void given_label(uint64_t id, const char *name, uint64_t version)
{
    struct aq_definition definition = {.driver = "test", .resources = {.cpu = 1000, .slots = 1}};
    GIVEN(label_created, .id = id, .name = name, .version = version, .definitions = {&definition, 1},
          .metadata = "{\"from\":\"label\"}");
}

void given_node(uint64_t number, const char *name, uint64_t cores)
{
    GIVEN(node_joined, .name = name, .number = number, .instance = 7, .address = "10.0.0.1", .agent_version = "1",
          .drivers = ITEMS(const char *, "test"), .identifiers = ITEMS(const char *, "os:linux"),
          .capacity = {.cpu = cores * 1000, .ram = 1024, .disk = 1024, .slots = cores});
}

void given_cluster(void)
{
    given_user("alice");
    given_label(1, "mac", 1);
    given_node(1, "node-1", 4);
    spec_as("alice", AQ_ROLE_USER);
}

void given_assigned_resource(void)
{
    given_cluster();
    DO(application_create, .label = "mac");
    as_system();
}

void given_running_resource(void)
{
    given_assigned_resource();
    DO(resource_start, .id = 1, .node = "node-1", .identifier = "pid 7", .ip_addr = "10.1.0.1");
}

void as_system(void)
{
    spec_as("aquarium", AQ_ROLE_ADMIN);
}

/* ---- tables ------------------------------------------------------------------------------------------ */

static bool spec_count_one(void *context, const struct state_key *key, const void *value, size_t length)
{
    (void)key;
    (void)value;
    (void)length;
    ++*(uint64_t *)context;
    return true;
}

uint64_t spec_rows(enum state_index index)
{
    uint64_t count = 0;
    const struct state_key all = {0};
    index_scan(spec.txn, index, &all, spec_count_one, &count);
    return count;
}

struct aq_application the_application(uint64_t id)
{
    struct aq_application application = {0};
    assert_true(state_application(spec.txn, id, &application, &spec.arena));
    return application;
}

struct aq_resource the_resource(uint64_t id)
{
    struct aq_resource resource = {0};
    assert_true(state_resource(spec.txn, id, &resource, &spec.arena));
    return resource;
}

struct aq_node the_node(const char *name)
{
    struct aq_node node = {0};
    assert_true(state_node(spec.txn, name, &node, &spec.arena));
    return node;
}

bool has_resource(uint64_t id)
{
    struct aq_resource resource;
    return state_resource(spec.txn, id, &resource, &spec.arena);
}

void spec_check_index(void)
{
    struct place_index *fresh = place_index_new();
    project_fill_index(spec.txn, fresh);
    struct place_columns kept = place_index_columns(spec.index), made = place_index_columns(fresh);
    assert_int_equal(kept.count, made.count);
    for (size_t i = 0; i < made.count; i++) {
        assert_int_equal(kept.number[i], made.number[i]);
        assert_int_equal(kept.cpu[i], made.cpu[i]);
        assert_int_equal(kept.ram[i], made.ram[i]);
        assert_int_equal(kept.disk[i], made.disk[i]);
        assert_int_equal(kept.slots[i], made.slots[i]);
        assert_int_equal(kept.active[i], made.active[i]);
        assert_int_equal(kept.maintenance[i], made.maintenance[i]);
        assert_int_equal(kept.serves[i] == NULL, made.serves[i] == NULL);
        assert_true(kept.serves[i] == NULL || aq_texts_equal(&kept.serves[i]->projects, &made.serves[i]->projects));
    }
    place_index_free(fresh);
}

uint64_t spec_committed_counter(const char *counter)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_read(spec.state, &txn, &error), &error);
    uint64_t value = counter_get(txn, counter);
    state_end(txn);
    return value;
}
