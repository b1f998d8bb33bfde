/* aq doctor: what is made of what was measured. That the measuring works is tests/e2e/doctor.sh's to show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/aq/doctor_judge.h"
#include "tools/aq/doctor_programs.h"

#include <linux/magic.h>
#include <string.h>

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void the_median_is_in_the_middle(void **state)
{
    uint64_t many[] = {9, 1, 5, 1000000, 3}, one[] = {7};
    (void)state;
    assert_int_equal(doctor_median(many, 5), 5);
    assert_int_equal(doctor_median(one, 1), 7);
}

static void slow_disks_are_told(void **state)
{
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_sync(250, "/data", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    assert_string_equal(finding.text, "a sync of 4 KiB in /data takes 0.25 ms (median)");
    assert_string_equal(finding.advice, "");
    doctor_judge_sync(5000, "/data", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_sync(5001, "/data", &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    assert_has(finding.advice, "SSD");
    doctor_judge_sync(50001, "/data", &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
}

static void file_systems_without_locks_are_bad(void **state)
{
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_file_system(NFS_SUPER_MAGIC, "/net", &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
    assert_has(finding.text, "/net is on NFS");
    doctor_judge_file_system((unsigned long)(long)(int)0xFF534D42, "/net", &finding); /* as a signed f_type gives it */
    assert_int_equal(finding.state, DOCTOR_BAD);
    doctor_judge_file_system(TMPFS_MAGIC, "/tmp", &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    doctor_judge_file_system(EXT4_SUPER_MAGIC, "/", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    assert_string_equal(finding.text, "/ is on ext4");
    doctor_judge_file_system(0x12345678, "/", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
}

static void what_others_may_do_is_loose(void **state)
{
    (void)state;
    assert_false(doctor_mode_is_loose(0100600, 0, 0600));
    assert_false(doctor_mode_is_loose(0100400, 0, 0600));
    assert_true(doctor_mode_is_loose(0100640, 0, 0600));
    assert_true(doctor_mode_is_loose(0100604, 0, 0600));
    assert_true(doctor_mode_is_loose(0100600, 1000, 0600));
    assert_false(doctor_mode_is_loose(0040755, 0, 0755));
    assert_true(doctor_mode_is_loose(0040775, 0, 0755));
    assert_false(doctor_mode_is_loose(0041700, 0, 0700)); /* the sticky bit closes */
}

static void certificates_expire(void **state)
{
    struct doctor_finding finding = {0};
    const int64_t now_s = 1790000000, day_s = 86400;
    (void)state;
    doctor_judge_certificate(0, now_s, "", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_certificate(now_s + 21 * day_s, now_s, "/c", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_certificate(now_s + 21 * day_s - 1, now_s, "/c", &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    assert_has(finding.text, "/c expires in 20 days");
    assert_has(finding.advice, "SIGHUP");
    doctor_judge_certificate(now_s, now_s, "/c", &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
    assert_has(finding.text, "/c has expired");
}

static void settings_come_from_command_line_and_file(void **state)
{
    static const struct {
        const char *words, *file, *value; /* words end with '|' */
        enum doctor_setting found;
    } rows[] = {
        {"aq-agent|", "", "", DOCTOR_SETTING_PRESET},
        {"aq-agent|", "allow: {root: true}", "true", DOCTOR_SETTING_GIVEN},
        {"aq-agent|", "allow:\n  root: false\n", "false", DOCTOR_SETTING_GIVEN},
        {"aq-agent|", "allow: true", "", DOCTOR_SETTING_PRESET},
        {"aq-agent|", "allow.root: true", "", DOCTOR_SETTING_PRESET}, /* it would not start with that */
        {"aq-agent|", "allow: {root: ", "", DOCTOR_SETTING_UNKNOWN},
        {"aq-agent|--set|allow.root=true|", "", "true", DOCTOR_SETTING_GIVEN},
        {"aq-agent|--set=allow.root=true|", "", "true", DOCTOR_SETTING_GIVEN},
        {"aq-agent|--set|allow.root=true|--set|allow.root=false|", "", "false", DOCTOR_SETTING_GIVEN},
        {"aq-agent|--set|allow.root=false|", "allow: {root: true}", "false", DOCTOR_SETTING_GIVEN},
        {"aq-agent|--set|allow.rooted=true|", "", "", DOCTOR_SETTING_PRESET},
        {"aq-agent|--name|allow.root=true|", "", "", DOCTOR_SETTING_PRESET},
        {"aq-agent|--set|", "", "", DOCTOR_SETTING_PRESET},
    };
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        char words[200], value[16] = "";
        size_t length = strlen(rows[i].words);
        memcpy(words, rows[i].words, length + 1);
        for (char *bar = words; (bar = strchr(bar, '|')) != NULL;)
            *bar++ = '\0';
        assert_int_equal(doctor_setting_find(words, length, rows[i].file, "allow.root", value, sizeof value),
                         rows[i].found);
        assert_string_equal(value, rows[i].value);
    }
}

static void room_and_limits_have_two_bounds(void **state)
{
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_space(63, "/", &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
    doctor_judge_space(64, "/", &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    doctor_judge_space(1024, "/", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_open_files(1023, &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
    doctor_judge_open_files(4096, &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    assert_has(finding.fix, "limits.d");
    doctor_judge_open_files(20000, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
}

static void a_port_is_free_or_ours(void **state)
{
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_port(8001, DOCTOR_NOBODY, "api.port", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_port(8001, DOCTOR_OURS, "api.port", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_port(8001, DOCTOR_STRANGER, "api.port", &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
    assert_has(finding.advice, "api.port");
    assert_has(finding.fix, ":8001");
}

static void kvm_is_not_believed_for_being_there(void **state)
{
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_kvm(false, true, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_kvm(true, false, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_kvm(true, true, &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    doctor_judge_kvm_mode(0100600, 0, 0, false, &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    assert_has(finding.text, "mode 0600");
    doctor_judge_kvm_mode(0100600, 0, 0, true, &finding); /* user = "root" in qemu.conf */
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_kvm_mode(0100660, 0, 0, false, &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    doctor_judge_kvm_mode(0100660, 0, 104, false, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_kvm_mode(0100666, 0, 0, false, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
}

static void machines_need_their_driver_and_libvirt(void **state)
{
    struct doctor_finding finding;
    struct doctor_machines_facts facts = {.missing = " qemu-utils"};
    (void)state;
    doctor_judge_machines(&facts, &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    assert_has(finding.text, "aq-driver-libvirt was not built");
    assert_has(finding.text, "lacks: qemu-utils");
    assert_has(finding.fix, "tools/setup.sh libvirt");
    facts.is_built = true;
    doctor_judge_machines(&facts, &finding);
    assert_has(finding.text, "does not run");
    facts.runs = true;
    doctor_judge_machines(&facts, &finding);
    assert_string_equal(finding.text, "the driver libvirt lacks: qemu-utils");
    assert_string_equal(finding.fix, "apt-get install qemu-utils");
    facts.missing[0] = '\0';
    doctor_judge_machines(&facts, &finding);
    assert_has(finding.text, "libvirt is installed, but does not run");
    facts.daemon = true;
    doctor_judge_machines(&facts, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
}

static void versions_are_compared_number_by_number(void **state)
{
    (void)state;
    assert_true(doctor_version_at_least("0.22.1", "0.22.1"));
    assert_true(doctor_version_at_least("0.22.10", "0.22.9"));
    assert_true(doctor_version_at_least("1.0", "0.22.1"));
    assert_true(doctor_version_at_least("0.22", "0.22.0"));
    assert_false(doctor_version_at_least("0.15.0", "0.22.1"));
    assert_false(doctor_version_at_least("0.22", "0.22.1"));
    assert_false(doctor_version_at_least("", "0.22.1"));
}

static void a_version_is_found_among_bytes(void **state)
{
    static const char bytes[] = "\0aq-fs: shows\0aq-fs\0aq-fs 0.1.0\0junk";
    char version[DOCTOR_VERSION_SIZE];
    (void)state;
    assert_true(doctor_version_find(bytes, sizeof bytes, "aq-fs", version));
    assert_string_equal(version, "0.1.0");
    assert_false(doctor_version_find(bytes, sizeof bytes, "aq-agent", version));
    assert_false(doctor_version_find(bytes, 10, "aq-fs", version));
    assert_true(doctor_version_find("aq-fs 12", 8, "aq-fs", version)); /* up to the end, and no further */
    assert_string_equal(version, "12");
    assert_false(doctor_version_find("aq-fs ", 6, "aq-fs", version));
    assert_false(doctor_version_find("aq-fs", 5, "aq-fs", version));
}

static void libraries_are_told_and_raft_is_judged(void **state)
{
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_libraries("aq-controller 0.1.0\nlibraft 0.22.1\nLMDB 0.9.24\n", &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    assert_string_equal(finding.text, "libraft 0.22.1, LMDB 0.9.24");
    doctor_judge_libraries("aq-controller 0.1.0\nlibraft 0.15.0\n", &finding);
    assert_int_equal(finding.state, DOCTOR_BAD);
    doctor_judge_libraries("", &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
}

static void programs_must_agree(void **state)
{
    char versions[2][DOCTOR_VERSION_SIZE] = {CLI_VERSION, "0.0.7"};
    struct doctor_finding finding = {0};
    (void)state;
    doctor_judge_program("aq-agent", versions, 0, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_program("aq-agent", versions, 1, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
    doctor_judge_program("aq-agent", versions, 2, &finding);
    assert_int_equal(finding.state, DOCTOR_WARN);
    assert_has(finding.text, "0.0.7");
    versions[1][0] = '\0';
    doctor_judge_program("aq-agent", versions, 2, &finding);
    assert_int_equal(finding.state, DOCTOR_OK);
}

static void findings_are_a_line_each(void **state)
{
    struct doctor_check checks[2] = {{"disk", NULL, 0}, {"port", NULL, 0}};
    struct doctor_finding findings[2] = {0};
    struct aq_buffer out = {0};
    (void)state;
    doctor_ok(&findings[0], "%d MiB", 5);
    doctor_bad(&findings[1], "end it", "ss -l", "taken");
    doctor_show(checks, findings, 2, false, &out);
    assert_string_equal(aq_buffer_string(&out), "ok    disk   5 MiB\nbad   port   taken; end it\n");
    aq_buffer_reset(&out);
    doctor_show(checks, findings, 2, true, &out);
    assert_has(aq_buffer_string(&out), "taken; end it\n");
    assert_has(aq_buffer_string(&out), "    ss -l\n");
    aq_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_in_the_middle),
        cmocka_unit_test(slow_disks_are_told),
        cmocka_unit_test(file_systems_without_locks_are_bad),
        cmocka_unit_test(what_others_may_do_is_loose),
        cmocka_unit_test(certificates_expire),
        cmocka_unit_test(settings_come_from_command_line_and_file),
        cmocka_unit_test(room_and_limits_have_two_bounds),
        cmocka_unit_test(a_port_is_free_or_ours),
        cmocka_unit_test(kvm_is_not_believed_for_being_there),
        cmocka_unit_test(machines_need_their_driver_and_libvirt),
        cmocka_unit_test(versions_are_compared_number_by_number),
        cmocka_unit_test(a_version_is_found_among_bytes),
        cmocka_unit_test(libraries_are_told_and_raft_is_judged),
        cmocka_unit_test(programs_must_agree),
        cmocka_unit_test(findings_are_a_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
