// Adds to the open header the one name that FINN's cppsim additionally expects from Vitis'.

#ifndef STAND_IN_AP_INT_H
#define STAND_IN_AP_INT_H

#include_next <ap_int.h>

class half;

#endif
