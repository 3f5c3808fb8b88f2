// Reset control: aresetn resets everything at once, a soft reset without breaking what is under
// way on the bus: the accelerator and what feeds it are reset at once, the DMA when all that it
// has begun has ended. Both stay in reset for 16 cycles more, and leave it together.

module reset_control (
    input  logic clk,
    input  logic rst_n,      // synchronous, active low: of everything

    input  logic request,    // begin a soft reset
    input  logic busy,       // something is under way on the bus
    output logic resetting,  // from the request until it is over

    output logic flow_rst_n, // synchronous, active low: accelerator, queue, counters
    output logic dma_rst_n   // synchronous, active low: DMA
);

    logic [3:0] cycles;
    logic       quiet;       // nothing is under way: the DMA is in reset

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            resetting <= 1'b0;
            quiet     <= 1'b0;
            cycles    <= '0;
        end else if (!resetting) begin
            resetting <= request;
        end else if (!quiet) begin
            quiet <= !busy;
        end else begin
            cycles <= cycles + 1'b1;
            if (&cycles) begin
                resetting <= 1'b0;
                quiet     <= 1'b0;
            end
        end
    end

    assign flow_rst_n = rst_n && !resetting;
    assign dma_rst_n = rst_n && !quiet;

endmodule
