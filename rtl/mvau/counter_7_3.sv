// Counts the ones among seven bits, in each of WIDTH places.
//
// In the 7 series, that takes two LUT6_2 and half a CARRY4, and removes two bits a LUT. The carry
// chain starts with bit 6. Its first cell adds the parity of bits 0 to 5; where that is 0, bit 5
// equals the parity of bits 0 to 4, and is the carry. Its second cell adds the pairs of ones among
// bits 0 to 4: the carry has bit 5. Vivado turns CARRY4 into CARRY8 for UltraScale+.

module counter_7_3 #(
    parameter int WIDTH = 1  // at least 1
) (
    input  logic [6:0][WIDTH-1:0] in_bits,
    output logic [WIDTH-1:0]      ones,
    output logic [WIDTH-1:0]      twos,
    output logic [WIDTH-1:0]      fours
);

    if (WIDTH < 1) begin : check_width
        $error("counter_7_3: WIDTH = %0d, must be at least 1", WIDTH);
    end

`ifdef SYNTHESIS
    // The tables of O5 (inputs I0 to I4) and of O6 (all inputs): a bit for each value of the inputs.
    function automatic logic [63:0] parity_table();
        logic [63:0] bits;
        for (int i = 0; i < 64; i++) bits[i] = 1'($countones(6'(i)));
        return bits;
    endfunction

    // O6 where I5 is 1: whether there is one pair. O5: whether there are two.
    function automatic logic [63:0] pairs_table();
        logic [63:0] bits;
        for (int i = 0; i < 32; i++) begin
            bits[32+i] = $countones(5'(i)) / 2 == 1;
            bits[i]    = $countones(5'(i)) / 2 == 2;
        end
        return bits;
    endfunction

    for (genvar i = 0; i < WIDTH; i++) begin : place
        logic [1:0] propagate, generated;
        logic [1:0] unused_sum, unused_carry;
        logic       first_carry;
        LUT6_2 #(.INIT(parity_table())) parity (
            .O6(propagate[0]), .O5(generated[0]), .I0(in_bits[0][i]), .I1(in_bits[1][i]),
            .I2(in_bits[2][i]), .I3(in_bits[3][i]), .I4(in_bits[4][i]), .I5(in_bits[5][i])
        );
        LUT6_2 #(.INIT(pairs_table())) pairs (
            .O6(propagate[1]), .O5(generated[1]), .I0(in_bits[0][i]), .I1(in_bits[1][i]),
            .I2(in_bits[2][i]), .I3(in_bits[3][i]), .I4(in_bits[4][i]), .I5(1'b1)
        );
        CARRY4 carry (
            .CI(1'b0), .CYINIT(in_bits[6][i]), .S({2'b00, propagate}), .DI({2'b00, generated}),
            .O({unused_sum, twos[i], ones[i]}), .CO({unused_carry, fours[i], first_carry})
        );
        logic unused;
        assign unused = ^{unused_sum, unused_carry, first_carry};
    end
`else
    logic [WIDTH-1:0] sum0, sum1, carry0, carry1, carry2;
    assign sum0   = in_bits[0] ^ in_bits[1] ^ in_bits[2];
    assign carry0 = (in_bits[0] & in_bits[1]) | (in_bits[2] & (in_bits[0] ^ in_bits[1]));
    assign sum1   = in_bits[3] ^ in_bits[4] ^ in_bits[5];
    assign carry1 = (in_bits[3] & in_bits[4]) | (in_bits[5] & (in_bits[3] ^ in_bits[4]));
    assign carry2 = (sum0 & sum1) | (in_bits[6] & (sum0 ^ sum1));
    assign ones   = sum0 ^ sum1 ^ in_bits[6];
    assign twos   = carry0 ^ carry1 ^ carry2;
    assign fours  = (carry0 & carry1) | (carry2 & (carry0 ^ carry1));
`endif

endmodule
