#include "tools/aq/copy.h"

#include "schema/model/application.h"
#include "schema/model/exec.h"
#include "schema/model/resource.h"
#include "tools/aq/exec.h"
#include "tools/aq/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_TAR = 127, TAR_DIFFERS = 1, WALK_OPEN_MAX = 64 };

/* APPLICATION:PATH, resource/9:PATH */
struct place {
    const struct aq_entity *entity;
    const char *key, *path;
    bool ended; /* the workload has */
};

/* ---- words ------------------------------------------------------------------------------------------------ */

/* False: the word is a path here. "./a:b" always is. */
static bool read_place(const char *word, struct place *place, struct aq_arena *arena)
{
    const char *colon = strchr(word, ':'), *slash = strchr(word, '/');
    static const char resource[] = "resource/";
    *place = (struct place){.entity = &aq_entity_application};
    if (strncmp(word, resource, strlen(resource)) == 0 && colon != NULL) {
        place->entity = &aq_entity_resource;
        word += strlen(resource);
    } else if (colon == NULL || colon == word || (slash != NULL && slash < colon)) {
        return false;
    }
    place->key = aq_arena_text(arena, word, (size_t)(colon - word));
    place->path = colon + 1;
    return true;
}

/* "a/b/" is b in a. Fails for what names no file. */
static enum cli_exit split(const char *path, const char **directory, const char **name, struct aq_arena *arena)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    const char *whole = aq_arena_text(arena, path, length), *slash = strrchr(whole, '/');
    *name = slash != NULL ? slash + 1 : whole;
    *directory = slash == NULL ? "." : slash == whole ? "/" : aq_arena_text(arena, whole, (size_t)(slash - whole));
    if ((*name)[0] == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
        return cli_fail(CLI_USAGE, "\"%.100s\" names no file or directory: it must end in its name", path);
    return CLI_DONE;
}

static bool is_directory(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* A device, a pipe or a socket, or a link to one: what is copied would take its place. */
static bool is_special(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode);
}

/* ---- tar, here -------------------------------------------------------------------------------------------- */

/* Starts it with one descriptor in the place of `as`. */
static int start_tar(const char *const *arguments, int fd, int as, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    int failed = posix_spawn_file_actions_adddup2(&actions, fd, as);
    if (failed == 0)
        failed = posix_spawnp(pid, "tar", &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static int wait_for(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Is this all that tar there has to say? GNU tar ends with 1 then, and what it has sent is complete: a log, for
 * example, as long as it was at first. Others end with 1 for everything. */
static bool only_changed(const char *said)
{
    static const char *const harmless[] = {": file changed as we read it", ": File removed before we read it"};
    if (said[0] == '\0')
        return false;
    for (const char *line = said; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        const size_t length = strcspn(line, "\n");
        bool known = false;
        for (size_t i = 0; i < AQ_LENGTH(harmless); i++)
            known = known || (length > strlen(harmless[i]) &&
                              strncmp(line + length - strlen(harmless[i]), harmless[i], strlen(harmless[i])) == 0);
        if (!known)
            return false;
    }
    return true;
}

/* What the command there and tar here have said, as one. */
static enum cli_exit judge(enum cli_exit there, int here, const char *what)
{
    if ((int)there == NO_TAR)
        return cli_fail(CLI_REFUSED, "the workload has no tar, which copying needs");
    if ((int)there == CLI_JOB_NEVER_RAN)
        return CLI_REFUSED; /* told already */
    if (there != CLI_DONE)
        return cli_fail(CLI_REFUSED, "%s could not be copied: tar in the workload has exit status %d", what,
                        (int)there);
    return here == 0 ? CLI_DONE : cli_fail(CLI_FAILED, "%s could not be copied: tar has exit status %d", what, here);
}

/* ---- commands there ---------------------------------------------------------------------------------------- */

/* A command whose output is not wanted; `input` -1: it has none. */
static enum cli_exit run_quietly(struct cli *cli, uint64_t resource, const char *const *arguments, unsigned count,
                                 int input, bool quiet)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    const struct cli_exec exec = {.arguments = arguments,
                                  .count = count,
                                  .quiet = quiet,
                                  .input = input >= 0 ? input : nothing,
                                  .output = nothing};
    enum cli_exit code = cli_exec_run(cli, resource, &exec);
    close(nothing);
    return code;
}

/* GNU tar takes a backslash in a name for the begin of something else, unless it is told not to; others know no such
 * option. What has ended is copied by a tar that is told so already. */
static bool must_be_told(struct cli *cli, uint64_t resource, const struct place *from, const char *name)
{
    static const char *const look[] = {"tar", "--no-unquote", "--version"};
    return strchr(name, '\\') != NULL && !from->ended &&
           run_quietly(cli, resource, look, AQ_LENGTH(look), -1, true) == CLI_DONE;
}

/* ---- out of a workload ------------------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static int refuse_special(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)path, (void)type, (void)walk;
    return S_ISREG(about->st_mode) || S_ISDIR(about->st_mode) || S_ISLNK(about->st_mode) ? 0 : 1;
}

/* `made` is a new directory beside the destination; nobody else can enter it. */
static enum cli_exit unpack(struct cli *cli, uint64_t resource, const struct place *from, const char *made)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer errors = {0};
    const char *directory, *name;
    int ends[2];
    pid_t tar;
    enum cli_exit code = split(from->path, &directory, &name, &arena);
    if (code != CLI_DONE)
        return code;
    const char *plain[AQ_EXEC_COPY_COUNT];
    const char *const told[] = {"tar", "-cf", "-", "-C", directory, "--no-unquote", "--", name};
    const bool must_tell = must_be_told(cli, resource, from, name);
    aq_exec_copy_out(plain, directory, name);
    const char *const here[] = {"tar", "-xf", "-", "-C", made, "--no-same-owner", "--no-same-permissions", NULL};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_fail(CLI_FAILED, "cannot create a pipe: %s", strerror(errno));
    int failed = start_tar(here, ends[0], STDIN_FILENO, &tar);
    close(ends[0]);
    if (failed != 0) {
        close(ends[1]);
        return cli_fail(CLI_FAILED, "cannot run tar: %s", strerror(failed));
    }
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const struct cli_exec exec = {.arguments = must_tell ? told : plain,
                                  .count = must_tell ? AQ_LENGTH(told) : AQ_LENGTH(plain),
                                  .input = nothing,
                                  .output = ends[1],
                                  .errors = &errors};
    code = cli_exec_run(cli, resource, &exec);
    close(nothing);
    if ((int)code == TAR_DIFFERS && only_changed(aq_buffer_string(&errors)))
        code = CLI_DONE;
    if (code != CLI_DONE)
        kill(tar, SIGKILL); /* what it has is thrown away, and why is told by others */
    close(ends[1]);
    return judge(code, wait_for(tar), from->path);
}

static enum cli_exit move_into_place(const char *made, const char *name, const char *to, struct aq_arena *arena)
{
    const char *unpacked = aq_arena_format(arena, "%s/%s", made, name);
    struct stat about;
    if (lstat(unpacked, &about) != 0)
        return cli_fail(CLI_FAILED, "the workload has sent something else than \"%.100s\"", name);
    if (nftw(unpacked, refuse_special, WALK_OPEN_MAX, FTW_PHYS | FTW_MOUNT) != 0)
        return cli_fail(CLI_FAILED, "\"%.100s\" has devices, pipes or sockets, which are not copied", name);
    if (rename(unpacked, to) != 0)
        return cli_fail(CLI_FAILED, "%s: %s", to, strerror(errno));
    return CLI_DONE;
}

static enum cli_exit copy_out(struct cli *cli, uint64_t resource, const struct place *from, const char *word)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const char *directory, *name, *parent, *to_name;
    enum cli_exit code = split(from->path, &directory, &name, &arena);
    if (code != CLI_DONE)
        return code;
    const bool inside = is_directory(word) || word[strlen(word) - 1] == '/';
    const char *to = inside ? aq_arena_format(&arena, "%s/%s", word, name) : word;
    code = split(to, &parent, &to_name, &arena);
    if (code != CLI_DONE)
        return code;
    if (is_special(to))
        return cli_fail(CLI_FAILED, "%s is a device, a pipe or a socket: name a file or a directory", to);
    char *made = aq_arena_format(&arena, "%s/.aq-cp.XXXXXX", parent);
    if (mkdtemp(made) == NULL)
        return cli_fail(CLI_FAILED, "%s: %s", parent, strerror(errno));
    code = unpack(cli, resource, from, made);
    if (code == CLI_DONE)
        code = move_into_place(made, name, to, &arena);
    (void)nftw(made, remove_one, WALK_OPEN_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return code;
}

/* ---- into a workload -------------------------------------------------------------------------------------- */

/* Backslashes before what stands for something else in one side of sed's s///. */
static void quote(const char *text, const char *special, struct aq_buffer *out)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            aq_buffer_char(out, '\\');
        aq_buffer_char(out, *text);
    }
}

/* Has tar give `name`, and what is in it, the other name. Neither has a slash. Tar keeps a backslash on the right side
 * unless it needs it. What links point to stays, except for a further name of a file that is sent, too. */
static void rename_in_tar(const char *name, const char *to_name, struct aq_buffer *out)
{
    aq_buffer_text(out, "--transform=flags=rSh;s/^");
    quote(name, "\\.[]*^$", out);
    aq_buffer_text(out, "\\(\\/\\|$\\)/");
    quote(to_name, "\\&", out);
    aq_buffer_text(out, "\\1/");
}

static enum cli_exit copy_in(struct cli *cli, uint64_t resource, const char *word, const struct place *to)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer transform = {0};
    const char *directory, *name, *parent = to->path, *to_name;
    int ends[2];
    pid_t tar;
    enum cli_exit code = split(word, &directory, &name, &arena);
    if (code != CLI_DONE)
        return code;
    if (access(word, R_OK) != 0)
        return cli_fail(CLI_FAILED, "%s: %s", word, strerror(errno));
    to_name = name;
    const char *const look[] = {"test", "-d", to->path};
    if (to->path[strlen(to->path) - 1] != '/' &&
        run_quietly(cli, resource, look, AQ_LENGTH(look), -1, false) != CLI_DONE)
        code = split(to->path, &parent, &to_name, &arena);
    if (code != CLI_DONE)
        return code;
    rename_in_tar(name, to_name, &transform);
    const char *const here[] = {"tar", "-cf", "-", "-C", directory, "--no-unquote", aq_buffer_string(&transform),
                                "--",  name,  NULL};
    const char *const there[] = {"tar", "-xof", "-", "-C", parent}; /* -o: they belong to the workload's user */
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_fail(CLI_FAILED, "cannot create a pipe: %s", strerror(errno));
    int failed = start_tar(here, ends[1], STDOUT_FILENO, &tar);
    close(ends[1]);
    if (failed != 0) {
        close(ends[0]);
        return cli_fail(CLI_FAILED, "cannot run tar: %s", strerror(failed));
    }
    code = run_quietly(cli, resource, there, AQ_LENGTH(there), ends[0], false);
    close(ends[0]);
    return judge(code, wait_for(tar), word);
}

/* ---- cp ---------------------------------------------------------------------------------------------------- */

enum cli_exit cli_copy(struct cli *cli, const char *const *words, unsigned count)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct place from = {0}, to = {0};
    uint64_t resource;
    if (count != 2 || words[0][0] == '\0' || words[1][0] == '\0')
        return cli_fail(CLI_USAGE, "name what to copy, and where to: aq cp APPLICATION:PATH DIRECTORY, or aq cp FILE "
                                   "APPLICATION:PATH");
    const bool is_from = read_place(words[0], &from, &arena), is_to = read_place(words[1], &to, &arena);
    const struct place *place = is_from ? &from : &to;
    if (is_from == is_to)
        return cli_fail(CLI_USAGE, "one of both must be in a workload, as APPLICATION:PATH, and the other one here");
    if (place->path[0] == '\0')
        return cli_fail(CLI_USAGE, "\"%.100s\" has no path behind the colon", is_from ? words[0] : words[1]);
    enum cli_exit code = cli_exec_find(cli, place->entity, place->key, is_from ? &from.ended : NULL, &resource);
    if (code != CLI_DONE)
        return code;
    return is_from ? copy_out(cli, resource, &from, words[1]) : copy_in(cli, resource, words[0], &to);
}
