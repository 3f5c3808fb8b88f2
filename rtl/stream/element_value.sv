// The value of a stream's element in two's complement, from an element of any type; combinational.

module element_value #(
    parameter int BITS  = 8,  // of the element
    parameter int KIND  = 0,  // 0: two's complement, 1: unsigned, 2: one bit, 1 is +1 and 0 is -1
    parameter int WIDTH = 9   // of the value, which is taken modulo 2**WIDTH
) (
    input  logic [BITS-1:0]  element,
    output logic [WIDTH-1:0] value
);

    if (BITS < 1 || WIDTH < BITS) begin : check_bits
        $error("element_value: BITS = %0d, must be 1 to WIDTH = %0d", BITS, WIDTH);
    end
    if (KIND < 0 || KIND > 2) begin : check_kind
        $error("element_value: KIND = %0d, must be 0 to 2", KIND);
    end
    if (KIND == 2 && (BITS != 1 || WIDTH < 2)) begin : check_bit
        $error("element_value: BITS = %0d, WIDTH = %0d, must be 1 and at least 2 for KIND = 2",
               BITS, WIDTH);
    end

    if (KIND == 2) begin : of_a_bit
        assign value = {{(WIDTH-1){!element[0]}}, 1'b1};
    end else if (KIND == 1) begin : of_a_count
        assign value = WIDTH'(element);
    end else begin : of_an_integer
        assign value = WIDTH'(signed'(element));
    end

endmodule
