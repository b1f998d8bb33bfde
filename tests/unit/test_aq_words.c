/* aq: what the words of a command line mean, also those of other systems, and that what is suggested works. */
#include "schema/model/command.h"
#include "schema/model/key.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/command_line.h"
#include "tools/aq/action.h"
#include "tools/aq/aliases.h"

#include <stdio.h>
#include <string.h>

static void assert_means(const char *line, const char *name, const char *words)
{
    struct cli_options options;
    struct aq_error error = {0};
    struct cli_action action;
    AQ_CLEANUP_BUFFER struct aq_buffer said = {0}, rest = {0};
    command_line_parsed(&options, line);
    if (cli_action_find(&action, options.words, options.word_count, &options.arena, &error) != 0)
        fail_msg("%s: %s", line, error.message);
    cli_action_name(&action, &said);
    for (unsigned i = 0; i < action.count; i++)
        aq_buffer_format(&rest, "%s%s", i > 0 ? " " : "", action.words[i]);
    assert_string_equal(aq_buffer_string(&said), name);
    assert_string_equal(aq_buffer_string(&rest), words);
    cli_options_close(&options);
}

static const struct {
    const char *line, *name, *words;
} meanings[] = {
    {"get nodes", "aq nodes list", ""},
    {"get node n1", "aq nodes get", "n1"},
    {"get node/n1", "aq nodes get", "n1"},
    {"node/n1 free", "aq node KEY free", "n1"},
    {"ps", "aq applications list", ""},
    {"rm 12", "aq applications deallocate", "12"},
    {"rm node n1", "aq nodes delete", "n1"},
    {"delete application 12", "aq applications deallocate", "12"},
    {"application 12 rm", "aq applications deallocate", "12"},
    {"deallocate 12 13", "aq applications deallocate", "12 13"},
    {"scancel 12 13", "aq applications deallocate", "12 13"},
    {"why 7", "aq applications why", "7"},
    {"describe application 12", "aq applications describe", "12"},
    {"describe n1", "aq describe", "n1"},
    {"describe 12", "aq applications describe", "12"},
    {"inspect last", "aq applications describe", "last"},
    {"applications last", "aq applications get", "last"},
    {"application last why", "aq applications why", "last"},
    {"cordon n1", "aq nodes maintenance", "n1 true"},
    {"uncordon n1 n2", "aq nodes maintenance", "n1 n2 false"},
    {"node ls", "aq nodes list", ""},
    {"squeue", "aq applications list", ""},
    {"status", "aq status", ""},
    {"status 20", "aq applications get", "20"},
    {"status last", "aq applications get", "last"},
    {"status application 20", "aq applications get", "20"},
    {"status node n1", "aq nodes get", "n1"},
    {"status nodes", "aq nodes list", ""},
    {"status mac", "aq status", "mac"}, /* refused there */
    {"info 3", "aq applications get", "3"},
    {"application 7 watch", "aq applications get", "7"},
    {"watch nodes", "aq nodes watch", ""},
    {"edit label mac", "aq labels edit", "mac"},
    {"node n1 maintenance", "aq node KEY maintenance", "n1"},
    {"node n1 maintenance true", "aq nodes maintenance", "n1 true"},
    {"drain n1 n2", "aq nodes drain", "n1 n2"},
    {"node n1 drain", "aq nodes drain", "n1"},
    {"get 5", "aq applications get", "5"},
    {"get events", "aq events", ""},
    {"get events node", "aq events", "node"},
    {"inspect application 7", "aq applications describe", "7"},
    {"job status", "aq applications list", ""},
    {"job status 7", "aq applications get", "7"},
    {"job stop 7 8", "aq applications deallocate", "7 8"},
    {"alloc logs 7", "aq resources log", "7"},
    {"node status n1", "aq nodes get", "n1"},
    {"node n1 status", "aq node KEY status", "n1"},
    {"image ls", "aq labels list", ""},
    {"context ls", "aq context list", ""},
    {"context rm lab", "aq context delete", "lab"},
    {"get apps", "aq applications list", ""},
    {"ps --filter status=ERROR", "aq applications list", ""},
    {"ps --field-selector=status=ERROR --format json --no-trunc", "aq applications list", ""},
    {"describe pod", "aq describe", "pod"}, /* it may be a name */
};

static void words_of_other_systems_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(meanings); i++)
        assert_means(meanings[i].line, meanings[i].name, meanings[i].words);
}

static const struct {
    const char *line, *answer;
} refusals[] = {
    {"job run x.yml", "there is no \"job run\": labels say what runs, and are kept in the cluster: aq "
                      "labels apply FILE && aq run LABEL"},
    {"diff", "there is no \"diff\": apply makes a version only when something has changed: aq labels apply "
             "FILE --dry-run"},
    {"describe pod 7", "there is no \"pod\": a workload is a resource: aq resources"},
    {"get pods", "there is no \"pods\": a workload is a resource: aq resources"},
    {"delete 5", "delete what? aq delete application KEY, aq delete node KEY, aq delete label KEY, aq delete "
                 "project KEY, aq delete membership KEY, aq delete user KEY, aq delete token KEY, aq delete role KEY"},
    {"edit node n1", "nodes have no verb or field \"edit\"; see aq nodes --help"},
    {"squeue -t PENDING", "there is no flag -t: lists show those of a status by --status=STATUS"},
    {"squeue --states=PENDING", "there is no flag --states; did you mean --status?"},
    {"squeue -j 7", "there is no flag -j: a key needs no flag: aq application KEY"},
    {"squeue -p fast", "there is no flag -p: there are no partitions: a label says which nodes it needs"},
    {"run x -p 80:80", "there is no flag -p: a workload uses the network of its node itself"},
    {"run x -t", "there is no flag -t: aq run gives no terminal, but aq exec does"},
    {"sinfo -N", "there is no flag -N: each node has a line of its own"},
    {"run x -d", "there is no flag -d: aq run does not stay attached, unless --attach says so"},
    {"sbatch", "there is no \"sbatch\": labels say what runs, and are kept in the cluster: aq labels "
               "create -f FILE && aq run LABEL"},
};

static void what_is_not_there_is_refused_with_what_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(refusals); i++)
        command_line_refused(refusals[i].line, refusals[i].answer);
}

/* ---- no answer suggests something that does not work ------------------------------------------------------ */

/* Is the line accepted, with words in place of those in capitals? */
static bool works(const char *line)
{
    static const struct {
        const char *capitals, *word;
    } places[] = {{"APPLICATION", "7"}, {"LABEL", "mac"},    {"NODE", "n1"},  {"KEY", "7"},
                  {"FILE", "x.yml"},    {"ADDRESS", "http"}, {"USER", "bob"}, {"field=value...", "a=1"},
                  {"N", "3"},           {"NAME", "lab"}};
    struct aq_buffer made = {0};
    struct cli_options options;
    struct aq_error error = {0};
    for (const char *at = line; *at != '\0';) {
        size_t p = 0;
        while (p < AQ_LENGTH(places) && strncmp(at, places[p].capitals, strlen(places[p].capitals)) != 0)
            p++;
        if (p < AQ_LENGTH(places))
            aq_buffer_text(&made, places[p].word);
        else
            aq_buffer_char(&made, *at);
        at += p < AQ_LENGTH(places) ? strlen(places[p].capitals) : 1;
    }
    bool good = command_line_check(&options, aq_buffer_string(&made), &error) == 0 ||
                strstr(error.message, "needs a value") != NULL;
    if (!good)
        print_message("%s: %s\n", aq_buffer_string(&made), error.message);
    cli_options_close(&options);
    aq_buffer_free(&made);
    return good;
}

/* "aq run mac && aq rm 7", "aq get node KEY, aq get user KEY": each of them. */
static void assert_all_work(const char *said, const char *from)
{
    for (const char *at = strstr(from, "aq "); at != NULL; at = strstr(at, "aq ")) {
        char one[256];
        size_t length = strcspn(at, ",;&");
        while (length > 0 && at[length - 1] == ' ')
            length--;
        snprintf(one, sizeof one, "%.*s", (int)length - 3, at + 3);
        if (strcmp(one, "--help") != 0 && !works(one))
            fail_msg("\"%s\" suggests what does not work: %s", said, one);
        at += length;
    }
}

/* Checks the suggestion of the refusal of `line`, in which `wrong`, at `place`, is the word that is at fault. */
static void assert_suggests_what_works(const char *line, size_t place, const char *wrong, unsigned *suggestions)
{
    struct cli_options options;
    struct aq_error error = {0};
    char meant[64], mended[256];
    bool refused = command_line_check(&options, line, &error) != 0;
    cli_options_close(&options);
    if (!refused)
        return;
    const char *mean = strstr(error.message, "did you mean ");
    if (mean == NULL) {
        assert_all_work(error.message, error.message);
        return;
    }
    snprintf(meant, sizeof meant, "%.*s", (int)strcspn(mean + 13, "?"), mean + 13);
    if (strcmp(meant, wrong) == 0)
        fail_msg("%s: it contradicts itself: %s", line, error.message);
    if (strncmp(meant, "--", 2) == 0)
        memmove(meant, meant + 2, strlen(meant) - 1);
    snprintf(mended, sizeof mended, "%.*s%s%s", (int)place, line, meant, line + place + strlen(wrong));
    size_t length = strlen(mended);
    snprintf(mended + length, sizeof mended - length, " 7"); /* a verb may need a key */
    if (!works(mended) && (mended[length] = '\0', !works(mended)))
        fail_msg("%s: %s, which does not work", line, error.message);
    (*suggestions)++;
}

/* The word without each of its letters, in a line. */
static void mistype(const char *before, const char *word, const char *after, unsigned *suggestions)
{
    char wrong[80], line[256];
    for (size_t i = 0; i < strlen(word) && i < 64; i++) {
        snprintf(wrong, sizeof wrong, "%.*s%s", (int)i, word, word + i + 1);
        if (wrong[0] == '\0')
            continue;
        snprintf(line, sizeof line, "%s%s%s", before, wrong, after);
        assert_suggests_what_works(line, strlen(before), wrong, suggestions);
    }
}

static void suggestions_work(void **state)
{
    (void)state;
    static const char *const verbs[] = {"list", "get 7", "create x", "deallocate 7", "delete 7", "why 7", "edit 7"};
    const struct aq_entity *entity;
    const struct aq_command *command;
    const struct cli_topic *topic;
    const struct cli_alias *alias;
    char before[128];
    unsigned suggestions = 0;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        mistype("", entity->plural, "", &suggestions);
        for (size_t f = 0; f < entity->record->count; f++) {
            snprintf(before, sizeof before, "%s 7 ", entity->name);
            mistype(before, entity->record->fields[f].name, "", &suggestions);
            snprintf(before, sizeof before, "%s ", entity->plural);
            mistype(before, entity->record->fields[f].name, "", &suggestions);
            snprintf(before, sizeof before, "%s --", entity->plural);
            mistype(before, entity->record->fields[f].name, "=x", &suggestions);
            if (aq_entity_is_named(entity)) /* the field's name may be that of a row */
                continue;
            snprintf(before, sizeof before, "%s %s more words", entity->plural, entity->record->fields[f].name);
            assert_suggests_what_works(before, strlen(entity->plural) + 1, entity->record->fields[f].name,
                                       &suggestions);
            snprintf(before, sizeof before, "%s 7 %s more words", entity->name, entity->record->fields[f].name);
            assert_suggests_what_works(before, strlen(entity->name) + 3, entity->record->fields[f].name, &suggestions);
        }
        for (size_t v = 0; v < AQ_LENGTH(verbs); v++)
            for (size_t f = 0; f < cli_flags_record.count; f++) {
                char spelled[64];
                snprintf(before, sizeof before, "%s %s --", entity->plural, verbs[v]);
                mistype(before, cli_flag_spelling(&cli_flags_record.fields[f], spelled) + 2, "", &suggestions);
            }
    }
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        snprintf(before, sizeof before, "%s ", command->entity->plural);
        mistype(before, command->verb, "", &suggestions);
        snprintf(before, sizeof before, "%s 7 ", command->entity->plural);
        mistype(before, command->verb, "", &suggestions);
        snprintf(before, sizeof before, "%s 7 %s", command->entity->plural, command->verb);
        assert_suggests_what_works(before, strlen(command->entity->plural) + 3, command->verb, &suggestions);
        assert_suggests_what_works(command->verb, 0, command->verb, &suggestions);
    }
    for (size_t i = 0; (topic = cli_topic_at(i)) != NULL; i++) {
        mistype("", topic->name, "", &suggestions);
        for (const struct cli_topic *verb = topic->verbs; verb != NULL && verb->name != NULL; verb++) {
            snprintf(before, sizeof before, "%s ", topic->name);
            mistype(before, verb->name, "", &suggestions);
        }
    }
    for (size_t i = 0; (alias = cli_alias_at(i)) != NULL; i++) {
        mistype("", alias->word, "", &suggestions);
        if (alias->type != NULL)
            assert_all_work(alias->word, alias->type);
        else
            assert_true(works(alias->word) || strcmp(alias->word, "inspect") == 0);
    }
    assert_true(suggestions > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_other_systems_work),
        cmocka_unit_test(what_is_not_there_is_refused_with_what_is),
        cmocka_unit_test(suggestions_work),
    };
    cli_say_open();
    return cmocka_run_group_tests_name("aq: words", tests, NULL, NULL);
}
