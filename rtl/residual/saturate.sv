// Saturates a two's complement number to another width, signed or unsigned; combinational.

module saturate #(
    parameter int IN     = 12,  // width of the number in bits, at least 1
    parameter int OUT    = 8,   // width of the saturated number in bits, at least 2 if signed, or 1
    parameter int SIGNED = 1    // 1: the saturated number is two's complement, 0: unsigned
) (
    input  logic [IN-1:0]  in_data,
    output logic [OUT-1:0] out_data
);

    if (IN < 1) begin : check_in
        $error("saturate: IN = %0d, must be at least 1", IN);
    end
    if (SIGNED < 0 || SIGNED > 1) begin : check_signed
        $error("saturate: SIGNED = %0d, must be 0 or 1", SIGNED);
    end
    if (OUT < 1 + SIGNED) begin : check_out
        $error("saturate: OUT = %0d, must be at least 1 + SIGNED = %0d", OUT, 1 + SIGNED);
    end

    if (SIGNED == 0) begin : from_zero
        logic beyond;
        if (IN <= OUT + 1) begin : fits
            assign beyond = 1'b0;
        end else begin : limits
            assign beyond = in_data[IN-2:OUT] != '0;
        end
        assign out_data = in_data[IN-1] ? '0 : OUT'(in_data) | {OUT{beyond}};
    end else if (IN <= OUT) begin : fits
        assign out_data = OUT'(signed'(in_data));
    end else begin : limits
        // It fits if all dropped bits equal the remaining sign bit.
        logic [IN-OUT:0] top;
        logic            beyond;
        assign top      = in_data[IN-1:OUT-1];
        assign beyond   = top != '0 && top != '1;
        assign out_data = beyond ? {in_data[IN-1], {(OUT-1){~in_data[IN-1]}}} : in_data[OUT-1:0];
    end

endmodule
