/* Drivers as labels know them: their names and their options. What runs workloads is in drivers/, on agents; the
 * controller checks labels by these declarations alone. Each driver has a file of its own in this folder. */
#ifndef AQ_SCHEMA_DRIVERS_DRIVER_H
#define AQ_SCHEMA_DRIVERS_DRIVER_H

#include "schema/model/record.h"
#include "schema/model/registry.h"

enum { AQ_LOG_FILES_MAX = 10 }; /* that a driver keeps of a workload's output */

struct aq_option_reader; /* options.h */
struct aq_demand;        /* allow.h */

/* At which address the ports of a workload are. */
enum aq_reach {
    AQ_REACH_NONE,    /* at none that others could reach */
    AQ_REACH_HOST,    /* at those of the host, whose network it shares */
    AQ_REACH_ADDRESS, /* at its own, which the driver reports */
};

struct aq_driver {
    const char *name;                       /* as in a label's `driver` */
    const char *help;                       /* sentences */
    const struct aq_record *options;        /* declared like settings */
    const struct aq_option_reader *readers; /* for the options that need one; NULL: none */
    /* What the options ask of the owner of a node; NULL: nothing. *demand is zeroed, but for texts, which are empty. */
    void (*demand)(const void *options, struct aq_demand *demand);
    /* What no new label may say, although each of its options is right; those of earlier builds may. NULL: nothing. */
    int (*check)(const void *options, struct aq_error *error);
    enum aq_reach (*reach)(const void *options); /* NULL: AQ_REACH_NONE */
    bool takes_commands;                         /* commands can be run in its workloads (drivers/driver.h) */
    bool takes_arguments; /* applications may give a command, which takes the place of that of the options */
    bool keeps_leases;    /* labels may give its workloads a lease (drivers/driver.h) */
};

/* AQ_DRIVER(process, "Sentences.", readers, demand, ...): after AQ_DEFINE_SETTINGS(aq_process_options, ...). */
#define AQ_DRIVER(driver, words, option_readers, demands, ...)                                                         \
    const struct aq_driver aq_driver_##driver = {.name = #driver,                                                      \
                                                 .help = (words),                                                      \
                                                 .options = &aq_##driver##_options_record,                             \
                                                 .readers = (option_readers),                                          \
                                                 .demand = (demands),                                                  \
                                                 __VA_ARGS__};                                                         \
    AQ_REGISTER(aq_drivers, aq_driver, aq_driver_##driver)

const struct aq_driver *aq_driver_find(const char *name); /* NULL: none */
const struct aq_driver *aq_driver_at(size_t index);       /* sorted by name; NULL after the last */

#endif
