// Saturates a two's complement number to another width.

#ifndef IRNET_SATURATE_HPP
#define IRNET_SATURATE_HPP

#include <ap_int.h>

namespace irnet {

template <
    int IN,  // width of the number in bits
    int OUT  // width of the saturated number in bits, at least 2
>
ap_int<OUT> saturate(const ap_int<IN> &number) {
#pragma HLS INLINE
    static_assert(IN >= 1, "saturate: IN must be at least 1");
    static_assert(OUT >= 2, "saturate: OUT must be at least 2");
    constexpr int LIMITED = IN < OUT ? IN : OUT;

    // It fits if all dropped bits equal the remaining sign bit.
    const ap_int<IN - LIMITED + 1> top = number.range(IN - 1, LIMITED - 1);
    if (top == 0 || top == -1) return number;
    const bool negative = number < 0;
    ap_int<OUT> limit = negative ? 0 : -1;
    limit[OUT - 1] = negative;
    return limit;
}

}  // namespace irnet

#endif
