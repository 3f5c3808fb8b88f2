// The majority of three bits, each as it is or inverted: result c is the majority of the bits ^ c.
//
// In the 7 series, a LUT6_2 has the majorities of bits ^ c and bits ^ ~c, one the inverse of the
// other.

module majorities (
    input  logic [2:0] in_bits,
    output logic [7:0] results
);

`ifdef SYNTHESIS
    // Inputs I0 to I2 are the bits.
    function automatic logic [31:0] majority_table(input logic [2:0] inverted);
        for (int i = 0; i < 32; i++) majority_table[i] = $countones(3'(i) ^ inverted) > 1;
    endfunction

    for (genvar c = 0; c < 4; c++) begin : pair
        LUT6_2 #(.INIT({majority_table(3'(c)), majority_table(~3'(c))})) both (
            .O6(results[c]), .O5(results[7-c]), .I0(in_bits[0]), .I1(in_bits[1]), .I2(in_bits[2]),
            .I3(1'b0), .I4(1'b0), .I5(1'b1)
        );
    end
`else
    for (genvar c = 0; c < 8; c++) begin : inverted
        logic [2:0] bits;
        assign bits       = in_bits ^ 3'(c);
        assign results[c] = (bits[0] & bits[1]) | (bits[2] & (bits[0] ^ bits[1]));
    end
`endif

endmodule
