/* Aquarium itself: its ports, its libraries, and which of its programs run here, in which version. */
#include "tools/aq/doctor_judge.h"
#include "tools/aq/doctor_programs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTENING = 0x0A /* in /proc/net/tcp */ };
enum { ANSWER_MS = 2000, PROGRAM_BYTES_MAX = 256 << 20 };

const char *const doctor_programs[] = {"aq-controller", "aq-agent", "aq-fs"};

/* ---- ports ---------------------------------------------------------------------------------------------- */

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Sends `words`, if any, and reads an answer of at least `least` bytes. */
static size_t converse(int fd, const char *words, char *answer, size_t size, size_t least)
{
    size_t used = 0;
    ssize_t got = 1;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (words[0] != '\0' && send(fd, words, strlen(words), MSG_NOSIGNAL) < 0)
        return 0;
    while (used < least && got > 0 && poll(&waiting, 1, ANSWER_MS) > 0) {
        got = recv(fd, answer + used, size - used, 0);
        used += got > 0 ? (size_t)got : 0;
    }
    return used;
}

static bool speaks_http(int fd)
{
    char answer[1024];
    size_t length =
        converse(fd, "GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n", answer, sizeof answer - 1, sizeof answer - 1);
    answer[length] = '\0';
    return strncmp(answer, "HTTP/1.", 7) == 0 && strstr(answer, " 200 ") != NULL && strstr(answer, "alive") != NULL;
}

/* nanomsg greets first: NUL, "SP", NUL, the kind of socket. */
static bool speaks_nanomsg(int fd)
{
    char answer[8];
    return converse(fd, "", answer, sizeof answer, sizeof answer) == sizeof answer && memcmp(answer, "\0SP\0", 4) == 0;
}

/* Binding finds a listener on another address of this machine. */
static bool can_bind(unsigned port)
{
    struct sockaddr_in address = loopback(port);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* as the controller does */
    bool bound = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return bound;
}

static enum doctor_listener ask_port(unsigned port, bool (*speaks)(int fd))
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum doctor_listener listener = DOCTOR_STRANGER;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        listener = speaks(fd) ? DOCTOR_OURS : DOCTOR_STRANGER;
    else if (can_bind(port))
        listener = DOCTOR_NOBODY;
    if (fd >= 0)
        close(fd);
    return listener;
}

void doctor_api_port(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)which;
    doctor_judge_port(doctor->api_port, ask_port(doctor->api_port, speaks_http), "api.port", finding);
}

void doctor_hub_port(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)which;
    doctor_judge_port(doctor->hub_port, ask_port(doctor->hub_port, speaks_nanomsg), "hub.port", finding);
}

/* ---- REST without TLS ----------------------------------------------------------------------------------- */

/* One line of /proc/net/tcp or tcp6: "0: 0100007F:1F41 00000000:0000 0A ...", words of the address in the machine's
 * order. False: it is no listener on this port. */
static bool read_listener(const char *line, unsigned port, char text[INET6_ADDRSTRLEN])
{
    char address[33];
    unsigned of, state, words[4] = {0};
    if (sscanf(line, " %*u: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X", address, &of, &state) != 3 || of != port ||
        state != LISTENING)
        return false;
    bool is_6 = sscanf(address, "%8X%8X%8X%8X", &words[0], &words[1], &words[2], &words[3]) == 4;
    return inet_ntop(is_6 ? AF_INET6 : AF_INET, words, text, INET6_ADDRSTRLEN) != NULL;
}

/* An address of this machine that other hosts may reach, into `address`. False: there is none. */
static bool find_own(int family, struct sockaddr_storage *address)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
        found = one->ifa_addr != NULL && one->ifa_addr->sa_family == family && (one->ifa_flags & IFF_UP) &&
                !(one->ifa_flags & IFF_LOOPBACK);
        if (found)
            memcpy(address, one->ifa_addr,
                   family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    }
    freeifaddrs(all);
    return found;
}

/* Connects there, and asks without TLS. Where it is all addresses, to one that other hosts may reach: loopback may be
 * plain. */
static bool answers_plainly(const char *text, unsigned port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    const bool is_6 = strchr(text, ':') != NULL, is_all = strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0;
    const int family = is_6 ? AF_INET6 : AF_INET;
    if (is_all && !find_own(family, &address))
        return false;
    address.ss_family = (sa_family_t)family;
    if (!is_all)
        inet_pton(family, text, is_6 ? (void *)&six->sin6_addr : (void *)&four->sin_addr);
    if (is_6)
        six->sin6_port = htons((uint16_t)port);
    else
        four->sin_port = htons((uint16_t)port);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool plain = fd >= 0 && connect(fd, (const struct sockaddr *)&address, is_6 ? sizeof *six : sizeof *four) == 0 &&
                 speaks_http(fd);
    if (fd >= 0)
        close(fd);
    return plain;
}

static bool is_loopback(const char *text)
{
    return strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0 || strncmp(text, "::ffff:127.", 11) == 0;
}

/* The first address that is not loopback's and where REST answers without TLS; "": there is none. */
static void find_plain(unsigned port, char plain[INET6_ADDRSTRLEN])
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    plain[0] = '\0';
    for (size_t i = 0; i < AQ_LENGTH(tables); i++) {
        char line[512], text[INET6_ADDRSTRLEN];
        FILE *table = fopen(tables[i], "re");
        while (table != NULL && plain[0] == '\0' && fgets(line, sizeof line, table) != NULL)
            if (read_listener(line, port, text) && !is_loopback(text) && answers_plainly(text, port))
                strcpy(plain, text);
        if (table != NULL)
            fclose(table);
    }
}

void doctor_plain(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    char plain[INET6_ADDRSTRLEN];
    (void)which;
    find_plain(doctor->api_port, plain);
    if (plain[0] != '\0')
        doctor_bad(finding, "give other hosts api.tls.address, and this address to loopback", "",
                   "REST answers without TLS on %s, port %u: tokens can be read on the way", plain, doctor->api_port);
    else
        doctor_ok(finding, "no address of other hosts answers without TLS on port %u", doctor->api_port);
}

void doctor_ipv6(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    (void)doctor;
    (void)which;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    doctor_ok(finding, "%s", there ? "is there" : "is not available: the daemons can listen on IPv4 addresses only");
}

/* ---- libraries ------------------------------------------------------------------------------------------ */

bool doctor_ask_version(const char *path, char *said, size_t size)
{
    int ends[2];
    pid_t pid;
    char *const arguments[] = {(char *)(uintptr_t)path, (char *)(uintptr_t) "--version", NULL};
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failed = posix_spawn(&pid, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t used = 0;
    ssize_t got = failed == 0 ? 1 : 0;
    struct pollfd waiting = {.fd = ends[0], .events = POLLIN};
    while (got > 0 && used < size - 1 && poll(&waiting, 1, ANSWER_MS) > 0) {
        got = read(ends[0], said + used, size - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    said[used] = '\0';
    close(ends[0]);
    if (failed == 0 && got > 0)
        kill(pid, SIGKILL); /* it did not end */
    while (failed == 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return used > 0;
}

void doctor_libraries(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    char path[DOCTOR_PATH_SIZE], said[1024] = "";
    (void)doctor;
    (void)which;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    char *slash = length > 0 ? (path[length] = '\0', strrchr(path, '/')) : NULL;
    if (slash != NULL) {
        strcpy(slash + 1, doctor_programs[0]);
        if (!doctor_ask_version(path, said, sizeof said))
            said[0] = '\0';
    }
    doctor_judge_libraries(said, finding);
}

/* ---- programs that run ---------------------------------------------------------------------------------- */

/* The version in a running program's file, even if the file was replaced since. The file is read, not run: anyone may
 * call a program aq-agent, and root must not run it for them. False: the process has ended, or is a zombie. */
static bool read_version(pid_t pid, const char *program, char version[DOCTOR_VERSION_SIZE])
{
    char path[300];
    struct stat about;
    version[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT && errno != ESRCH;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 && about.st_size <= PROGRAM_BYTES_MAX) {
        size_t length = (size_t)about.st_size;
        const char *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            (void)doctor_version_find(bytes, length, program, version);
            munmap((void *)(uintptr_t)bytes, length);
        }
    }
    close(fd);
    return true;
}

void doctor_program(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    char versions[DOCTOR_PROCESSES_MAX][DOCTOR_VERSION_SIZE];
    struct doctor_process running[DOCTOR_PROCESSES_MAX];
    unsigned count = 0, found = doctor_processes_find(doctor_programs[which], running, DOCTOR_PROCESSES_MAX);
    (void)doctor;
    for (unsigned i = 0; i < found; i++)
        count += read_version(running[i].pid, doctor_programs[which], versions[count]);
    doctor_judge_program(doctor_programs[which], (const char(*)[DOCTOR_VERSION_SIZE])versions, count, finding);
}
