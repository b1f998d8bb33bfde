#include "controller/lmdb/guard.h"

#include "controller/lmdb/address.h"
#include "controller/lmdb/file.h"
#include "controller/lmdb/marks.h"
#include "controller/lmdb/pages.h"
#include "schema/base/stderr.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { WORDS_SIZE = 400 };

static const char *program_name = "aquarium";
static struct sigaction before_segv, before_bus;
static atomic_flag ending = ATOMIC_FLAG_INIT;

/* ---- what the process says and leaves ------------------------------------------------------------------ */

/* The first thread to crash reports; others wait here for the end of the process. */
static void only_once(void)
{
    while (atomic_flag_test_and_set(&ending))
        pause();
}

static void report(const char *directory, const char *words)
{
    static struct lmdb_text line;
    line.length = 0;
    lmdb_text_add(&line, program_name);
    lmdb_text_add(&line, ": exiting: ");
    lmdb_text_add(&line, directory);
    lmdb_text_add(&line, "/" LMDB_DATA_FILE LMDB_IS_DAMAGED);
    lmdb_text_add(&line, words);
    lmdb_text_add(&line, "; the controller will check the file at its next start\n");
    (void)aq_stderr_put(line.bytes, line.length < AQ_STDERR_MAX ? line.length : AQ_STDERR_MAX);
    lmdb_mark_damaged(directory, words);
}

/* Reports what lmdb_pages_check() found; `more` may be empty. */
static void report_check(const char *directory, const struct aq_error *found, const char *more)
{
    char words[WORDS_SIZE];
    const char *place = strstr(found->message, LMDB_IS_DAMAGED);
    snprintf(words, sizeof words, "%s%s%s", place ? place + strlen(LMDB_IS_DAMAGED) : found->message, *more ? ": " : "",
             more);
    report(directory, words);
}

/* ---- signals ------------------------------------------------------------------------------------------- */

/* The address that faulted is in an LMDB file: a page that cannot be read, or that led to one. */
static bool report_data_fault(int number, uint64_t address)
{
    static struct lmdb_address place;
    static struct lmdb_text words;
    if (!lmdb_address_find(address, &place) || !lmdb_cut_to_directory(place.path))
        return false;
    words.length = 0;
    lmdb_text_add_place(&words, place.byte);
    lmdb_text_add(&words, number == SIGBUS ? ": the disk returned no data for it" : ": LMDB made an invalid access");
    report(place.path, words.bytes);
    return true;
}

static bool report_if_damaged(void *context, const char *path)
{
    static char directory[LMDB_PATH_SIZE];
    struct aq_error found = {0};
    (void)context;
    memcpy(directory, path, strlen(path) + 1);
    if (!lmdb_cut_to_directory(directory) || lmdb_pages_check(directory, LMDB_PAGES_ALL, &found) == 0)
        return false;
    report_check(directory, &found, "");
    return true;
}

/* The code that faulted is LMDB's: a damaged page led it to an address outside its files. So all of its files are
 * checked. That allocates memory, which a signal handler must not do in general, but may here: the thread was in LMDB's
 * own code, not in malloc(). */
static bool report_code_fault(const ucontext_t *context)
{
    static struct lmdb_address place;
    uint64_t address = 0;
#if defined __x86_64__
    address = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
    address = (uint64_t)context->uc_mcontext.pc;
#else
    (void)context;
#endif
    return lmdb_address_find(address, &place) && strstr(place.path, "/liblmdb") != NULL &&
           lmdb_each_mapped(report_if_damaged, NULL);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    only_once();
    bool sent = info->si_code <= 0; /* by kill(); a fault comes again by itself when the handler returns */
    bool reported =
        !sent && (report_data_fault(number, (uint64_t)(uintptr_t)info->si_addr) || report_code_fault(context));
    if (reported)
        signal(number, SIG_DFL);
    else
        sigaction(number, number == SIGBUS ? &before_bus : &before_segv, NULL);
    atomic_flag_clear(&ending);
    if (sent)
        raise(number);
}

void lmdb_guard_signals(const char *program)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    program_name = program;
    sigaction(SIGSEGV, &action, &before_segv);
    sigaction(SIGBUS, &action, &before_bus);
}

/* ---- LMDB gives up ------------------------------------------------------------------------------------- */

/* LMDB does not say which page is inconsistent, so all are checked. */
static void on_assert(MDB_env *env, const char *message)
{
    const char *directory = "(unknown)";
    struct aq_error found = {0};
    only_once();
    mdb_env_get_path(env, &directory);
    if (lmdb_pages_check(directory, LMDB_PAGES_ALL, &found) == 0)
        (void)aq_fail(&found, AQ_E_CORRUPT, "LMDB cannot continue");
    report_check(directory, &found, message);
    abort();
}

void lmdb_guard_env(MDB_env *env)
{
    mdb_env_set_assert(env, on_assert);
}
