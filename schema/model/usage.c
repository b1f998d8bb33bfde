#include "schema/model/usage.h"

AQ_DEFINE(aq_sample, "sample", 1, "what a workload or a node has used, as counters")
AQ_DEFINE(aq_usage, "usage", 1, "what a workload uses, and has used since its start")
AQ_DEFINE(aq_usage_mean, "usage_mean", 1, "what a workload or a node used over a step of time")
