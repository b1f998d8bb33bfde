#include "drivers/libvirt/action.h"

#include "drivers/libvirt/machine_lease.h"
#include "drivers/libvirt/task.h"
#include "schema/base/journal.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static virDomainPtr find(struct action *action)
{
    virDomainPtr domain = action->uuid[0] != '\0' ? virDomainLookupByUUIDString(action->open, action->uuid)
                                                  : virDomainLookupByName(action->open, action->name);
    const virErrorPtr last = domain == NULL ? virGetLastError() : NULL;
    action->found = domain != NULL;
    if (domain == NULL && (last == NULL || last->code != VIR_ERR_NO_DOMAIN))
        action->failed = virt_fail(&action->error, "libvirt") != 0;
    return domain;
}

/* A machine that has ended in the meantime is no failure. */
static void note(struct action *action, int result, const char *what)
{
    const virErrorPtr last = result < 0 ? virGetLastError() : NULL;
    if (result >= 0)
        return;
    if (last != NULL && last->code == VIR_ERR_NO_DOMAIN)
        action->found = false;
    else if (last == NULL || last->code != VIR_ERR_OPERATION_INVALID)
        action->failed = virt_fail(&action->error, what) != 0;
}

/* ---- start ---------------------------------------------------------------------------------------------- */

/* Files that it keeps beside the machine's description, such as the variables of UEFI, go with it. */
static int undefine(virDomainPtr domain)
{
    enum {
        ALL = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
              VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM
    };
    int result = virDomainUndefineFlags(domain, ALL);
    return result == 0 ? 0 : virDomainUndefine(domain); /* connections that know no such flags */
}

static int fail_cancelled(struct aq_error *error)
{
    return aq_fail(error, AQ_E_STATE, "stopped before it started");
}

/* qemu's choice: <console type='pty' tty='/dev/pts/3'>. */
static void read_port(struct action *action, virDomainPtr domain)
{
    static const char before[] = "<console type='pty' tty='", home[] = "/dev/pts/";
    AQ_CLEANUP_MEMORY char *xml = virDomainGetXMLDesc(domain, 0);
    const char *from = xml != NULL ? strstr(xml, before) : NULL;
    if (from == NULL)
        return;
    from += strlen(before);
    size_t length = strcspn(from, "'");
    if (strncmp(from, home, strlen(home)) == 0 && length < sizeof action->port &&
        strspn(from + strlen(home), "0123456789") == length - strlen(home))
        snprintf(action->port, sizeof action->port, "%.*s", (int)length, from);
}

static int create(struct action *action, virDomainPtr domain, struct aq_error *error)
{
    if (atomic_load(&action->cancelled))
        return fail_cancelled(error);
    if (virDomainCreate(domain) < 0)
        return virt_fail(error, "libvirt cannot start the machine");
    action->record.started = true;
    read_port(action, domain);
    return machine_record_write(&action->record, action->plan->directory, error);
}

static int define(struct action *action, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer xml = {0};
    plan_describe(action->plan, &xml);
    action->record.defined = true;
    if (machine_record_write(&action->record, action->plan->directory, error) != 0)
        return -1;
    virDomainPtr domain = virDomainDefineXML(action->open, aq_buffer_string(&xml));
    if (domain == NULL)
        return virt_fail(error, "libvirt does not take the machine");
    int failed = create(action, domain, error);
    if (failed != 0) {
        virDomainDestroy(domain);
        undefine(domain);
    }
    virDomainFree(domain);
    return failed;
}

static void start(struct action *action)
{
    struct aq_error *error = &action->error;
    if (atomic_load(&action->cancelled))
        action->failed = fail_cancelled(error) != 0;
    else
        action->failed = plan_make_disks(action->plan, error) != 0 || plan_write_seed(action->plan, error) != 0 ||
                         machine_lease_keep(&action->record, action->directory, action->open, error) != 0 ||
                         define(action, error) != 0;
    if (action->failed && action->plan->seed != NULL)
        unlink(action->plan->seed);
}

/* ---- the others ----------------------------------------------------------------------------------------- */

static bool is_reachable(const virDomainIPAddress *address)
{
    static const char *const local[] = {"127.", "::1", "fe80:", "169.254."};
    for (size_t i = 0; i < AQ_LENGTH(local); i++)
        if (strncmp(address->addr, local[i], strlen(local[i])) == 0)
            return false;
    return true;
}

/* IPv4 first, as containers have it. */
static bool take_address(struct action *action, virDomainInterfacePtr *interfaces, int count, int type)
{
    for (int i = 0; i < count; i++)
        for (unsigned k = 0; k < interfaces[i]->naddrs; k++) {
            const virDomainIPAddress *address = &interfaces[i]->addrs[k];
            if (address->type != type || !is_reachable(address) || strlen(address->addr) >= sizeof action->ip_addr)
                continue;
            strcpy(action->ip_addr, address->addr);
            return true;
        }
    return false;
}

/* From the leases of libvirt's network, the agent in the machine, or the node's table of neighbours. */
static void ask_address(struct action *action, virDomainPtr domain)
{
    static const unsigned sources[] = {VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
                                       VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
                                       VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP};
    for (size_t i = 0; i < AQ_LENGTH(sources) && action->ip_addr[0] == '\0'; i++) {
        virDomainInterfacePtr *interfaces = NULL;
        int count = virDomainInterfaceAddresses(domain, &interfaces, sources[i], 0);
        if (!take_address(action, interfaces, count, VIR_IP_ADDR_TYPE_IPV4))
            take_address(action, interfaces, count, VIR_IP_ADDR_TYPE_IPV6);
        for (int k = 0; k < count; k++)
            virDomainInterfaceFree(interfaces[k]);
        free(interfaces);
    }
}

static void clean(struct action *action, virDomainPtr domain)
{
    if (virDomainIsActive(domain) == 1)
        note(action, virDomainDestroy(domain), "the machine cannot be ended");
    if (!action->failed)
        note(action, undefine(domain), "the machine's description cannot be removed");
}

static void keep_lease(const struct action *action)
{
    struct aq_error error;
    if (action->directory != NULL && machine_lease_keep(&action->record, action->directory, action->open, &error) != 0)
        aq_journal(AQ_WARN, "the lease of a machine", "machine", action->name, "error", error.message, NULL);
}

static void act(struct action *action, virDomainPtr domain)
{
    switch (action->kind) {
    case ACTION_START:
        break;
    case ACTION_LOOK:
        note(action, virDomainGetState(domain, &action->state, &action->reason, 0), "its state cannot be read");
        if (action->found && !action->failed) {
            virDomainGetUUIDString(domain, action->uuid);
            read_port(action, domain);
            keep_lease(action);
            if (action->state == VIR_DOMAIN_PAUSED && action->directory != NULL)
                task_resume_paused(action->directory, domain);
        }
        break;
    case ACTION_TEND:
        keep_lease(action);
        if (action->record.mac[0] != '\0')
            ask_address(action, domain);
        break;
    case ACTION_SHUTDOWN:
        note(action, virDomainShutdown(domain), "it cannot be asked to shut down");
        break;
    case ACTION_DESTROY:
        note(action, virDomainDestroy(domain), "it cannot be ended");
        break;
    case ACTION_RESUME:
        note(action, virDomainResume(domain), "it cannot go on");
        break;
    case ACTION_CLEAN:
        clean(action, domain);
        break;
    }
}

void action_run(struct pool_job *job)
{
    struct action *action = (struct action *)job;
    virResetLastError();
    virDomainPtr domain = action->kind == ACTION_START ? NULL : find(action);
    if (action->kind == ACTION_START)
        start(action);
    if (domain != NULL) {
        act(action, domain);
        virDomainFree(domain);
    }
    if (action->kind == ACTION_CLEAN && !action->failed && action->seed[0] != '\0')
        unlink(action->seed);
    action->is_dead = action->failed && virConnectIsAlive(action->open) == 0;
    virConnectClose(action->open); /* here, since the last reference may wait for the daemon */
    action->open = NULL;
}

void action_free(struct action *action)
{
    plan_free(action->plan);
    free(action->directory);
    free(action);
}
