// Saturates a two's complement number to a narrower width; combinational.

module saturate #(
    parameter int IN  = 12,  // width of the number in bits, at least 1
    parameter int OUT = 8    // width of the saturated number in bits, at least 2
) (
    input  logic [IN-1:0]  in_data,
    output logic [OUT-1:0] out_data
);

    if (IN < 1) begin : check_in
        $error("saturate: IN = %0d, must be at least 1", IN);
    end
    if (OUT < 2) begin : check_out
        $error("saturate: OUT = %0d, must be at least 2", OUT);
    end

    if (IN <= OUT) begin : fits
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
