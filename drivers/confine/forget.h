/* Memory that a fork has of the process that it comes from. A page that either of them writes is there twice from then
 * on, and a host has a fork for each workload that needs nearly none of them. */
#ifndef AQ_DRIVERS_CONFINE_FORGET_H
#define AQ_DRIVERS_CONFINE_FORGET_H

/* Notes which memory of this process its forks, and their forks, may forget. Once, with one thread. */
void confine_forget_prepare(void);

/* Gives back the memory that was noted, and the unused part of the stack: heap, variables of the program and of
 * libraries, and those of the thread. The caller never returns from where it is, and from then on calls nothing but
 * syscall(2): functions of the C library may look at variables. */
void confine_forget(void);

#endif
