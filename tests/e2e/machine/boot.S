/* A disk's first sector that is a whole machine: it boots in less than a second, also emulated. On its serial port it
 * says TEXT. Then it powers off, or waits for its power button: MODE 0 powers off at once, 1 when the button is pressed,
 * 2 says "asked" each time and goes on. For PCs as qemu emulates them. */
        .code16
        .globl _start
_start: cli
        xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $0x7c00, %sp
        cld
        mov     $0x602, %dx             /* the button is to be noted */
        mov     $0x100, %ax
        out     %ax, %dx
        mov     $text, %si
        call    say
        sti
        cmpb    $0, mode
        je      off
wait:   hlt                             /* until the clock ticks */
        mov     $0x600, %dx
        in      %dx, %ax
        test    $0x100, %ax
        jz      wait
        mov     $0x100, %ax
        out     %ax, %dx
        cmpb    $1, mode
        je      off
        mov     $asked, %si
        call    say
        jmp     wait
off:    mov     $0x604, %dx
        mov     $0x2000, %ax
        out     %ax, %dx
        hlt
        jmp     off

say:    lodsb
        test    %al, %al
        jz      1f
        mov     %al, %ah
        mov     $0x3fd, %dx
2:      in      %dx, %al
        test    $0x20, %al
        jz      2b
        mov     $0x3f8, %dx
        mov     %ah, %al
        out     %al, %dx
        jmp     say
1:      ret

mode:   .byte   MODE
text:   .asciz  TEXT
asked:  .asciz  "asked\n"
        .org    510
        .word   0xaa55
