#include "controller/lmdb/guard.h"

#include "controller/lmdb/pages.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { PATH_SIZE = 1300, TEXT_SIZE = 2048, READ_SIZE = 4096, MARK_SIZE = 400 };

static const char data_file[] = "/data.mdb";
static const char *program_name = "aquarium";
static uint64_t page_size = 4096;
static struct sigaction before_segv, before_bus;
static atomic_flag ending = ATOMIC_FLAG_INIT;

/* ---- in a signal handler: no memory is asked for, no lock is taken ------------------------------------------ */

/* Memory of the process, as a line of /proc/self/maps describes it. */
struct mapping {
    uint64_t begin, end, offset; /* of its first byte in the file */
    char path[PATH_SIZE];
};

struct text {
    char bytes[TEXT_SIZE];
    size_t length;
};

static void put(struct text *text, const char *words)
{
    while (*words != '\0' && text->length < sizeof text->bytes - 1)
        text->bytes[text->length++] = *words++;
    text->bytes[text->length] = '\0';
}

static void put_number(struct text *text, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(text, digits + at);
}

static const char *take_hex(const char *at, uint64_t *number)
{
    *number = 0;
    for (;; at++) {
        unsigned digit = *at >= '0' && *at <= '9' ? (unsigned)(*at - '0') : (unsigned)(*at - 'a') + 10;
        if (digit > 15)
            return at;
        *number = *number << 4 | digit;
    }
}

/* "begin-end rwxp offset device inode   path" */
static void take_line(const char *line, struct mapping *mapping)
{
    size_t length = 0;
    line = take_hex(line, &mapping->begin);
    if (*line == '-')
        line = take_hex(line + 1, &mapping->end);
    for (int blanks = 0; *line != '\0' && blanks < 2; line++)
        blanks += *line == ' ';
    line = take_hex(line, &mapping->offset);
    while (*line != '\0' && *line != '/')
        line++;
    while (*line != '\0' && length < sizeof mapping->path - 1)
        mapping->path[length++] = *line++;
    mapping->path[length] = '\0';
}

typedef bool mapping_fn(void *context, const struct mapping *mapping);

/* Until `visit` returns true, which is then returned. */
static bool each_mapping(mapping_fn *visit, void *context)
{
    char line[PATH_SIZE + 128], bytes[READ_SIZE];
    struct mapping mapping;
    size_t length = 0;
    ssize_t got;
    bool found = false;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && !found && (got = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got && !found; i++) {
            if (bytes[i] != '\n') {
                if (length < sizeof line - 1)
                    line[length++] = bytes[i];
                continue;
            }
            line[length] = '\0';
            length = 0;
            take_line(line, &mapping);
            found = visit(context, &mapping);
        }
    if (fd >= 0)
        close(fd);
    return found;
}

/* A place in memory, and where that is in a file. */
struct place {
    uint64_t address, at;
    char path[PATH_SIZE];
};

static bool is_there(void *context, const struct mapping *mapping)
{
    struct place *place = context;
    if (place->address < mapping->begin || place->address >= mapping->end)
        return false;
    memcpy(place->path, mapping->path, sizeof place->path);
    place->at = place->address - mapping->begin + mapping->offset;
    return true;
}

/* Cuts what follows the directory. False: it is no file of LMDB. */
static bool cut_to_directory(char *path)
{
    size_t length = strlen(path), name = sizeof data_file - 1;
    if (length <= name || memcmp(path + length - name, data_file, name) != 0)
        return false;
    path[length - name] = '\0';
    return true;
}

static void leave_mark(const char *directory, const char *words)
{
    static struct text path;
    path.length = 0;
    put(&path, directory);
    put(&path, "/" GUARD_MARK);
    int fd = open(path.bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, words, strlen(words));
    (void)ignored;
    (void)fsync(fd);
    close(fd);
}

static void say(const char *directory, const char *words)
{
    static struct text line;
    line.length = 0;
    put(&line, program_name);
    put(&line, ": ends, because ");
    put(&line, directory);
    put(&line, data_file);
    put(&line, " is damaged: ");
    put(&line, words);
    put(&line, ". The controller looks through it at its next start\n");
    ssize_t ignored = write(STDERR_FILENO, line.bytes, line.length);
    (void)ignored;
}

/* One thread tells it; others that come across the same wait for the end of the process. */
static void only_once(void)
{
    while (atomic_flag_test_and_set(&ending))
        pause();
}

/* What was found by looking through the file; `more` may be empty. */
static void tell(const char *directory, const struct aq_error *found, const char *more)
{
    char words[MARK_SIZE];
    const char *place = strstr(found->message, ": page ");
    snprintf(words, sizeof words, "%s%s%s", place ? place + 2 : found->message, *more ? ": " : "", more);
    say(directory, words);
    leave_mark(directory, words);
}

static void put_place(struct text *text, uint64_t at)
{
    put(text, "page ");
    put_number(text, at / page_size);
    put(text, ", byte ");
    put_number(text, at);
}

/* A page that cannot be read, or that led to one. */
static bool is_in_file(int number, uint64_t address)
{
    static struct place place;
    static struct text words;
    place.address = address;
    if (!each_mapping(is_there, &place) || !cut_to_directory(place.path))
        return false;
    words.length = 0;
    put_place(&words, place.at);
    put(&words, number == SIGBUS ? ": the disk has nothing to give for it" : ": LMDB went astray there");
    say(place.path, words.bytes);
    leave_mark(place.path, words.bytes);
    return true;
}

static bool is_damaged(void *context, const struct mapping *mapping)
{
    struct place *place = context;
    struct aq_error found = {0};
    memcpy(place->path, mapping->path, sizeof place->path);
    if (!cut_to_directory(place->path) || pages_check(place->path, PAGES_ALL, &found) == 0)
        return false;
    tell(place->path, &found, "");
    return true;
}

/* LMDB itself went astray: where a damaged page has led it is no place in a file. So all of its files are looked
 * through. That takes memory, which a handler must not ask for in general, but may here: the thread was in LMDB's own
 * code, and not on its way through malloc(). */
static bool is_in_lmdb(const ucontext_t *context)
{
    static struct place place;
#if defined __x86_64__
    place.address = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
    place.address = (uint64_t)context->uc_mcontext.pc;
#else
    (void)context;
#endif
    return each_mapping(is_there, &place) && strstr(place.path, "/liblmdb") != NULL && each_mapping(is_damaged, &place);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    only_once();
    bool sent = info->si_code <= 0; /* by somebody; else it comes again by itself */
    bool named = !sent && (is_in_file(number, (uint64_t)(uintptr_t)info->si_addr) || is_in_lmdb(context));
    if (named)
        signal(number, SIG_DFL);
    else
        sigaction(number, number == SIGBUS ? &before_bus : &before_segv, NULL);
    atomic_flag_clear(&ending);
    if (sent)
        raise(number);
}

void guard_signals(const char *program)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    program_name = program;
    page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGSEGV, &action, &before_segv);
    sigaction(SIGBUS, &action, &before_bus);
}

/* ---- LMDB gives up ------------------------------------------------------------------------------------------ */

/* The page is not known here, but can be found, for the process has nothing else to do. */
static void on_assert(MDB_env *env, const char *message)
{
    const char *directory = "(unknown)";
    struct aq_error found = {0};
    only_once();
    mdb_env_get_path(env, &directory);
    if (pages_check(directory, PAGES_ALL, &found) == 0)
        (void)aq_fail(&found, AQ_E_CORRUPT, "LMDB cannot go on");
    tell(directory, &found, message);
    abort();
}

void guard_environment(MDB_env *env)
{
    mdb_env_set_assert(env, on_assert);
}

/* ---- places ------------------------------------------------------------------------------------------------- */

void guard_place(const void *address, char words[GUARD_PLACE_SIZE])
{
    struct place place = {.address = (uint64_t)(uintptr_t)address};
    struct text text = {.length = 0};
    bool found = each_mapping(is_there, &place) && cut_to_directory(place.path);
    if (found) {
        put(&text, place.path);
        put(&text, data_file);
        put(&text, " is damaged: ");
        put_place(&text, place.at);
    }
    snprintf(words, GUARD_PLACE_SIZE, "%s", found ? text.bytes : "there is damage");
}

/* ---- marks -------------------------------------------------------------------------------------------------- */

int guard_check(const char *directory, struct aq_error *error)
{
    char path[PATH_SIZE], words[MARK_SIZE];
    snprintf(path, sizeof path, "%s/" GUARD_MARK, directory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t length = fread(words, 1, sizeof words - 1, file);
    fclose(file);
    words[length] = '\0';
    return aq_fail(
        error, AQ_E_CORRUPT,
        "%s%s was found damaged by a process that ended of it (%s); the controller looks through it at its next start",
        directory, data_file, words);
}

void guard_forget(const char *directory)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" GUARD_MARK, directory);
    unlink(path);
}
