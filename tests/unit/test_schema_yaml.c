/* YAML as the JSON values we know: what is taken, what is refused and where, and that what is printed is read. */
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"
#include "tests/lib/chance.h"
#include "tests/lib/sample.h"

static void assert_parsed(const char *yaml, const char *expected)
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    json_t *json = aq_yaml_parse(yaml, strlen(yaml), NULL, &error);
    if (json == NULL)
        fail_msg("%s: %s", yaml, error.message);
    assert_string_equal(aq_json_compact(json, &arena), expected);
    json_decref(json);
    aq_arena_free(&arena);
}

static void assert_refused(const char *yaml, const char *expected)
{
    struct aq_error error = {0};
    struct aq_yaml_places *places;
    json_t *json = aq_yaml_parse(yaml, strlen(yaml), &places, &error);
    if (json != NULL)
        fail_msg("%s was taken", yaml);
    assert_null(places);
    assert_int_equal(error.code, AQ_E_INVALID);
    assert_string_equal(error.message, expected);
}

static void a_document_is_maps_lists_and_scalars(void **state)
{
    (void)state;
    assert_parsed("a: 1\nb:\n  c: [x, {d: y}]\n  e:\n  - f\n  - - g\n    - h\n",
                  "{\"a\":1,\"b\":{\"c\":[\"x\",{\"d\":\"y\"}],\"e\":[\"f\",[\"g\",\"h\"]]}}");
    assert_parsed("[]", "[]");
    assert_parsed("a: {}\nb: []", "{\"a\":{},\"b\":[]}");
    assert_parsed("text", "\"text\"");
    assert_parsed("---\na: 1\n...\n", "{\"a\":1}");
    assert_parsed("\xEF\xBB\xBF# after a byte order mark\r\na: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}");
    assert_parsed("a: |\n  one\n  two\nb: >-\n  three\n  four\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"three four\"}");
    assert_parsed("<<: 1", "{\"<<\":1}"); /* no merging: there are no aliases to merge */
}

static void a_byte_order_mark_is_not_a_column(void **state)
{
    (void)state;
    assert_parsed("\xEF\xBB\xBF"
                  "a: 1\nb: 2\n",
                  "{\"a\":1,\"b\":2}");
    assert_parsed("\xEF\xBB\xBF", "{}");
    assert_refused("\xEF\xBB\xBF"
                   "a: 1\na: 2\n",
                   "2:1: \"a\" is given twice, first on line 1");
}

static void assert_documents(const char *yaml, const char *expected)
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    json_t *json = aq_yaml_parse_all(yaml, strlen(yaml), NULL, &error);
    if (json == NULL)
        fail_msg("%s: %s", yaml, error.message);
    assert_string_equal(aq_json_compact(json, &arena), expected);
    json_decref(json);
    aq_arena_free(&arena);
}

static void many_documents_are_a_list(void **state)
{
    (void)state;
    struct aq_error error = {0};
    struct aq_yaml_places *places;
    unsigned line = 0, column = 0;
    static const char two[] = "---\na: 1\n---\n- a: 2\n  b: x\n";
    assert_documents("", "[]");
    assert_documents("# nothing\n", "[]");
    assert_documents("a: 1\n", "[{\"a\":1}]");
    assert_documents("---\n---\na: 1\n---\n# nothing\n---\n[2]\n...\n", "[{\"a\":1},[2]]");
    assert_documents("{}\n---\nnull\n", "[{},null]");
    json_t *json = aq_yaml_parse_all(two, strlen(two), &places, &error);
    assert_non_null(json);
    assert_true(aq_yaml_place(places, json_array_get(json_array_get(json, 1), 0), "b", 0, &line, &column));
    assert_int_equal(line, 5);
    assert_int_equal(column, 6);
    aq_yaml_places_free(places);
    json_decref(json);
    assert_null(aq_yaml_parse_all("a: 1\n---\nb: [\n", 14, &places, &error));
    assert_null(places);
    assert_string_equal(error.message, "4:1: did not find expected node content while parsing a flow node");
}

static void an_empty_document_is_an_empty_object(void **state)
{
    (void)state;
    assert_parsed("", "{}");
    assert_parsed("\n\n", "{}");
    assert_parsed("# nothing but a comment\n", "{}");
    assert_parsed("---\n", "{}");
    assert_parsed("null", "null");
}

static void plain_scalars_have_types(void **state)
{
    (void)state;
    assert_parsed("[null, ~, ]", "[null,null]");
    assert_parsed("a:\nb: ~", "{\"a\":null,\"b\":null}");
    assert_parsed("[true, false]", "[true,false]");
    assert_parsed("[0, -1, 9223372036854775807, -9223372036854775808]",
                  "[0,-1,9223372036854775807,-9223372036854775808]");
    assert_parsed("[0.5, -2.25, 1e3, 2.5E-1]", "[0.5,-2.25,1000.0,0.25]");
}

static void what_only_looks_like_a_type_is_text(void **state)
{
    (void)state;
    assert_parsed("[yes, no, on, off, True, NULL]", "[\"yes\",\"no\",\"on\",\"off\",\"True\",\"NULL\"]");
    assert_parsed("[1.2.3, 1e, 0x10, 012, +5, .5, 5., 1_000, 1:30, -, .inf, 10.0.0.1]",
                  "[\"1.2.3\",\"1e\",\"0x10\",\"012\",\"+5\",\".5\",\"5.\",\"1_000\",\"1:30\",\"-\",\".inf\","
                  "\"10.0.0.1\"]");
    assert_parsed("[9223372036854775808, -9223372036854775809, 1e999]",
                  "[\"9223372036854775808\",\"-9223372036854775809\",\"1e999\"]");
    assert_parsed("['1', \"true\", 'null', '~', '']", "[\"1\",\"true\",\"null\",\"~\",\"\"]");
    assert_parsed("a: |-\n  1", "{\"a\":\"1\"}");
    assert_parsed("{1: a, true: b, null: c}", "{\"1\":\"a\",\"null\":\"c\",\"true\":\"b\"}"); /* keys are texts */
}

static void keys_are_texts_and_given_once(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n", "3:1: \"a\" is given twice, first on line 1");
    assert_refused("a:\n  b: 1\n  'b': 2\n", "3:3: \"b\" is given twice, first on line 2");
    assert_refused("{a: 1, a: 2}", "1:8: \"a\" is given twice, first on line 1");
    assert_refused("? [a]\n: 1", "1:3: a key must be a text");
    assert_refused("{a: 1, {}: 2}", "1:8: a key must be a text");
    assert_refused("? \n: 1", "1:2: a key must be a text");
    assert_parsed("a: {b: 1}\nc: {b: 1}\n\"\": 2", "{\"\":2,\"a\":{\"b\":1},\"c\":{\"b\":1}}");
}

static void aliases_tags_and_second_documents_are_refused(void **state)
{
    (void)state;
    assert_refused("a: &x 1", "1:4: anchors (&name) are not allowed");
    assert_refused("a: &x [1]", "1:4: anchors (&name) are not allowed");
    assert_refused("&x a: 1", "1:1: anchors (&name) are not allowed");
    assert_refused("a: *x", "1:4: aliases (*name) are not allowed");
    assert_refused("a: !!str 1", "1:4: tags (!name) are not allowed");
    assert_refused("a: !x {}", "1:4: tags (!name) are not allowed");
    assert_refused("!!set [a]", "1:1: tags (!name) are not allowed");
    assert_refused("a: 1\n---\nb: 2\n", "2:1: a second document is not allowed");
    assert_refused("a: 1\n...\n---\n", "3:1: a second document is not allowed");
}

static void syntax_errors_say_where(void **state)
{
    (void)state;
    assert_refused("a: 1\n b: 2\n", "2:3: mapping values are not allowed in this context");
    assert_refused("a: [1, 2", "2:1: did not find expected ',' or ']' while parsing a flow sequence");
    assert_refused("a: 'x", "1:6: found unexpected end of stream while scanning a quoted scalar");
    assert_refused("a:\n\t- b", "2:1: found character that cannot start any token while scanning for the next token");
    assert_refused("- a\nb: 1", "2:1: did not find expected '-' indicator while parsing a block collection");
}

static void bytes_are_checked(void **state)
{
    (void)state;
    const char *const bad[] = {"\x80", "\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80",
                               "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xFF"};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++) {
        char yaml[32];
        snprintf(yaml, sizeof yaml, "a: 1\n\xC3\xA9: %s", bad[i]);
        assert_refused(yaml, "2:4: not valid UTF-8");
    }
    assert_refused("a: \x01", "1:4: a control character");
    assert_refused("a: 1\r\nb: \x7F", "2:4: a control character");
    assert_refused("a: \xC2\x9F", "1:4: a control character");
    assert_refused("a: \xEF\xBF\xBE", "1:4: a control character");
    assert_refused("a: \"\\0\"", "1:4: a text must not contain a NUL character");
    assert_refused("\"\\0\": a", "1:1: a text must not contain a NUL character");
    assert_refused("a: \"\\uD800\"", "1:7: found invalid Unicode character escape code while parsing a quoted scalar");
    struct aq_error error = {0};
    assert_null(aq_yaml_parse("a: \0b", 5, NULL, &error));
    assert_string_equal(error.message, "1:4: a control character");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char yaml[20001] = "";
    struct aq_error error = {0};
    memset(yaml, '[', 32);
    memset(yaml + 32, ']', 32);
    json_t *json = aq_yaml_parse(yaml, 64, NULL, &error);
    assert_non_null(json);
    json_decref(json);
    memset(yaml, '[', 10000);
    memset(yaml + 10000, ']', 10000);
    assert_refused(yaml, "1:33: nested too deeply: at most 32 levels");
    for (unsigned i = 0; i < 10000; i++)
        memcpy(yaml + 2UL * i, "- ", 2);
    assert_refused(yaml, "1:65: nested too deeply: at most 32 levels");
}

static void size_and_values_are_bounded(void **state)
{
    (void)state;
    struct aq_buffer yaml = {0};
    struct aq_error error = {0};
    for (unsigned i = 1; i < AQ_YAML_VALUES_MAX; i++)
        aq_buffer_text(&yaml, "- 1\n");
    json_t *json = aq_yaml_parse(yaml.data, yaml.length, NULL, &error);
    assert_int_equal(json_array_size(json), AQ_YAML_VALUES_MAX - 1); /* the list is a value, too */
    json_decref(json);
    aq_buffer_text(&yaml, "- 1\n");
    assert_null(aq_yaml_parse(yaml.data, yaml.length, NULL, &error));
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_string_equal(error.message, "100000:3: more than 100000 values");

    while (yaml.length <= AQ_YAML_SIZE_MAX)
        aq_buffer_text(&yaml, "# fill\n");
    assert_null(aq_yaml_parse(yaml.data, AQ_YAML_SIZE_MAX + 1, NULL, &error));
    assert_int_equal(error.code, AQ_E_TOO_LARGE);
    assert_string_equal(error.message, "YAML is 1048577 bytes long, more than 1048576");
    aq_buffer_free(&yaml);
}

static void every_value_has_its_place(void **state)
{
    (void)state;
    const char yaml[] = "a: 1\nb:\n  c: [x, \xC3\xA9, y]\n  d:\n    - e: 2\n";
    struct aq_yaml_places *places;
    struct aq_error error = {0};
    unsigned line = 0, column = 0;
    json_t *root = aq_yaml_parse(yaml, sizeof yaml - 1, &places, &error);
    assert_non_null(root);
    const json_t *b = json_object_get(root, "b"), *c = json_object_get(b, "c"), *d = json_object_get(b, "d");
    assert_true(aq_yaml_place(places, root, "a", 0, &line, &column));
    assert_int_equal(line * 100 + column, 104);
    assert_true(aq_yaml_place(places, root, "b", 0, &line, &column));
    assert_int_equal(line * 100 + column, 303);
    assert_true(aq_yaml_place(places, c, NULL, 2, &line, &column));
    assert_int_equal(line * 100 + column, 313); /* characters, not bytes */
    assert_true(aq_yaml_place(places, json_array_get(d, 0), "e", 0, &line, &column));
    assert_int_equal(line * 100 + column, 510);
    assert_false(aq_yaml_place(places, root, "c", 0, &line, &column));
    assert_false(aq_yaml_place(places, c, NULL, 3, &line, &column));
    assert_false(aq_yaml_place(places, c, "x", 0, &line, &column));
    json_decref(root);
    aq_yaml_places_free(places);
    aq_yaml_places_free(NULL);
}

/* ---- printing ----------------------------------------------------------------------------------------- */

static void assert_printed(const char *json_text, const char *expected)
{
    struct aq_buffer yaml = {0};
    struct aq_error error = {0};
    json_t *json = json_loads(json_text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    aq_yaml_print(json, &yaml);
    assert_string_equal(yaml.data, expected);
    json_t *back = aq_yaml_parse(yaml.data, yaml.length, NULL, &error);
    if (back == NULL)
        fail_msg("%s: %s", yaml.data, error.message);
    assert_true(json_equal(json, back));
    json_decref(json);
    json_decref(back);
    aq_buffer_free(&yaml);
}

static void what_is_printed_looks_written_by_hand(void **state)
{
    (void)state;
    assert_printed("{}", "{}\n");
    assert_printed("null", "null\n");
    assert_printed("{\"name\":\"mac\",\"cpu\":0.1,\"count\":3,\"on\":true,\"none\":null,\"tags\":[],\"extra\":{}}",
                   "name: mac\ncpu: 0.1\ncount: 3\n\"on\": true\nnone: null\ntags: []\nextra: {}\n");
    assert_printed("{\"a\":{\"b\":[1,[2,3],{\"c\":4,\"d\":[5]}]}}",
                   "a:\n  b:\n    - 1\n    - - 2\n      - 3\n    - c: 4\n      d:\n        - 5\n");
    assert_printed("{\"script\":\"#!/bin/sh\\n\\n  exit 0\\n\",\"last\":[\"a\\nb\"]}",
                   "script: |\n  #!/bin/sh\n\n    exit 0\nlast:\n  - |-\n    a\n    b\n");
    assert_printed("[1e100,1.0,-0.1]", "- 1e+100\n- 1.0\n- -0.1\n");
}

static void only_what_would_be_misread_is_quoted(void **state)
{
    (void)state;
    assert_printed("[\"1.2.3\",\"a b\",\"http://x/y?z#w\",\"-v\",\"--flag\",\"1h30m\",\"it's\",\"a \\\"b\\\"\","
                   "\"\xC3\xA9\",\"10.0.0.1:80\"]",
                   "- 1.2.3\n- a b\n- http://x/y?z#w\n- -v\n- --flag\n- 1h30m\n- it's\n- a \"b\"\n- \xC3\xA9\n"
                   "- 10.0.0.1:80\n");
    assert_printed("[\"\",\"1\",\"1.5\",\"1e5\",\"0x10\",\"012\",\"true\",\"No\",\"null\",\"~\",\"1:30\",\".inf\"]",
                   "- \"\"\n- \"1\"\n- \"1.5\"\n- \"1e5\"\n- \"0x10\"\n- \"012\"\n- \"true\"\n- \"No\"\n- \"null\"\n"
                   "- \"~\"\n- \"1:30\"\n- \".inf\"\n");
    assert_printed("[\"a: b\",\"a #b\",\"a:\",\" a\",\"a \",\"- a\",\"---\",\"[a]\",\"{a}\",\"*a\",\"&a\",\"!a\","
                   "\"@a\",\"%a\",\"#a\",\"|\",\"'a'\"]",
                   "- \"a: b\"\n- \"a #b\"\n- \"a:\"\n- \" a\"\n- \"a \"\n- \"- a\"\n- \"---\"\n- \"[a]\"\n- \"{a}\"\n"
                   "- \"*a\"\n- \"&a\"\n- \"!a\"\n- \"@a\"\n- \"%a\"\n- \"#a\"\n- \"|\"\n- \"'a'\"\n");
    assert_printed(
        "[\"a\\tb\",\"a\\rb\",\"\\u0001\\u007f\\u0085\\u2028\\ufeff\\uffff\",\"\\na\",\"a\\n\\n\",\" a\\nb\"]",
        "- \"a\\tb\"\n- \"a\\x0Db\"\n- \"\\x01\\x7F\\x85\\u2028\\uFEFF\\uFFFF\"\n- \"\\na\"\n"
        "- \"a\\n\\n\"\n- \" a\\nb\"\n");
}

/* A generator of awkward values: texts of the pieces that mean something to YAML, nested. */
static void draw_text(char text[1500])
{
    static const char *const pieces[] = {"a",
                                         "b",
                                         " ",
                                         "  ",
                                         "\n",
                                         "\t",
                                         "\r",
                                         ":",
                                         ": ",
                                         "#",
                                         " #",
                                         "-",
                                         "- ",
                                         "? ",
                                         "'",
                                         "\"",
                                         "\\",
                                         "|",
                                         ">",
                                         "%",
                                         "@",
                                         "`",
                                         "!",
                                         "&",
                                         "*",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         "~",
                                         "null",
                                         "true",
                                         "1",
                                         "0",
                                         "1.5",
                                         "e",
                                         "---",
                                         "...",
                                         "\x01",
                                         "\x7F",
                                         "\xC2\x85",
                                         "\xE2\x80\xA8",
                                         "\xEF\xBB\xBF",
                                         "<<",
                                         "=",
                                         "\n ",
                                         "\n\n",
                                         "x",
                                         "\xC3\xA9",
                                         "\xF0\x9F\x98\x80",
                                         "\xEF\xBF\xBE",
                                         "\xC2\xA0"};
    text[0] = '\0';
    for (unsigned n = draw(8); n > 0; n--)
        strcat(text, pieces[draw(AQ_LENGTH(pieces))]);
    if (draw(50) == 0) /* around the longest key that libyaml takes in short form */
        memset(text + strlen(text), 'k', 900 + draw(300));
}

static json_t *draw_value(unsigned depth)
{
    char text[1500] = {0};
    draw_text(text);
    unsigned kind = draw(depth > 0 ? 10 : 6);
    if (kind < 3)
        return json_string(text);
    if (kind == 3)
        return json_integer((json_int_t)draw(UINT64_MAX) >> draw(64));
    if (kind == 4)
        return json_real((double)((int)draw(20000) - 10000) / (draw(3000) + 1));
    if (kind == 5)
        return draw(2) ? json_null() : json_boolean(draw(2));
    json_t *value = kind < 8 ? json_array() : json_object();
    for (unsigned n = draw(4); n > 0; n--) {
        memset(text, 0, sizeof text);
        draw_text(text);
        if (kind < 8)
            json_array_append_new(value, draw_value(depth - 1));
        else
            json_object_set_new(value, text, draw_value(depth - 1));
    }
    return value;
}

static void any_value_is_read_as_it_was_printed(void **state)
{
    (void)state;
    draw_from(1);
    for (unsigned i = 0; i < 20000; i++) {
        struct aq_buffer yaml = {0};
        struct aq_error error = {0};
        json_t *value = draw_value(5);
        aq_yaml_print(value, &yaml);
        json_t *back = aq_yaml_parse(yaml.data, yaml.length, NULL, &error);
        if (back == NULL || !json_equal(value, back))
            fail_msg("round %u: %s\n%s", i, error.message, yaml.data);
        json_decref(value);
        json_decref(back);
        aq_buffer_free(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_maps_lists_and_scalars),
        cmocka_unit_test(an_empty_document_is_an_empty_object),
        cmocka_unit_test(a_byte_order_mark_is_not_a_column),
        cmocka_unit_test(many_documents_are_a_list),
        cmocka_unit_test(plain_scalars_have_types),
        cmocka_unit_test(what_only_looks_like_a_type_is_text),
        cmocka_unit_test(keys_are_texts_and_given_once),
        cmocka_unit_test(aliases_tags_and_second_documents_are_refused),
        cmocka_unit_test(syntax_errors_say_where),
        cmocka_unit_test(bytes_are_checked),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_and_values_are_bounded),
        cmocka_unit_test(every_value_has_its_place),
        cmocka_unit_test(what_is_printed_looks_written_by_hand),
        cmocka_unit_test(only_what_would_be_misread_is_quoted),
        cmocka_unit_test(any_value_is_read_as_it_was_printed),
    };
    return cmocka_run_group_tests_name("schema: YAML", tests, NULL, NULL);
}
