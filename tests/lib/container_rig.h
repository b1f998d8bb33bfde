/* A rig (driver_rig.h) for tests of the `container` driver with a real runtime, on an image of busybox that is made on
 * the spot (tools/busybox.sh).
 *
 * A group of tests has container_rig_group_setup() and _teardown(), each test container_rig_setup() and _teardown() and
 * begins with container_rig(). A builder may forbid what a container needs: then the tests are skipped, and the reason
 * is told. */
#ifndef AQ_TESTS_LIB_CONTAINER_RIG_H
#define AQ_TESTS_LIB_CONTAINER_RIG_H

#include "tests/lib/driver_rig.h"

#define CONTAINER_IMAGE "'image':'oci:busybox:1','network':'none'" /* options of a label */

extern char container_images[64]; /* directory of images, with that one; "": not made */

/* Makes the images and runs a container. Returns NULL, or why none can run on this host. */
const char *container_rig_begin(void);
void container_rig_end(void);

int container_rig_group_setup(void **state);
int container_rig_group_teardown(void **state);
int container_rig_setup(void **state);
int container_rig_teardown(void **state);
struct rig *container_rig(void **state);

/* After each rig_open(): sets the images, some ports, and `more`, "container.runtime=runc"; NULL: nothing more. */
void container_configure(struct rig *rig, const char *more);

/* As rig_run(), but a container that does not start fails the test with the reason. */
struct rig_workload *container_run(struct rig *rig, const char *options);
/* The same. Returns the output without the driver's lines about the image, valid until the next call. */
const char *container_run_output(struct rig *rig, const char *options);
/* Why it does not start; anything else fails the test. */
const char *container_fail_reason(struct rig *rig, const char *options);
/* The output of the workload that was started last, valid until the next call. */
const char *container_output(struct rig *rig);

/* A registry on the loopback device that takes connections and never answers, until *fd is closed. Returns its port. */
unsigned container_silent_registry(int *fd);

/* Runs a shell command on the host; `format` has one %s. */
void container_on_host(const char *format, const char *argument);

void assert_has(const char *text, const char *part);

#endif
