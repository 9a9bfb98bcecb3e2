// Postrider's mark: a stamp, and a letter on the move.

const stamp =
  'M2 2h2.2a1.2 1.2 0 0 0 2.4 0h1.84a1.2 1.2 0 0 0 2.4 0h1.84a1.2 1.2 0 0 0 2.4 0h1.84a1.2 1.2 0 0 0 2.4 0h1.84a1.2 1.2 0 0 0 2.4 0h1.84a1.2 1.2 0 0 0 2.4 0h2.2v2.2a1.2 1.2 0 0 0 0 2.4v1.84a1.2 1.2 0 0 0 0 2.4v1.84a1.2 1.2 0 0 0 0 2.4v1.84a1.2 1.2 0 0 0 0 2.4v1.84a1.2 1.2 0 0 0 0 2.4v1.84a1.2 1.2 0 0 0 0 2.4v2.2h-2.2a1.2 1.2 0 0 0 -2.4 0h-1.84a1.2 1.2 0 0 0 -2.4 0h-1.84a1.2 1.2 0 0 0 -2.4 0h-1.84a1.2 1.2 0 0 0 -2.4 0h-1.84a1.2 1.2 0 0 0 -2.4 0h-1.84a1.2 1.2 0 0 0 -2.4 0h-2.2v-2.2a1.2 1.2 0 0 0 0 -2.4v-1.84a1.2 1.2 0 0 0 0 -2.4v-1.84a1.2 1.2 0 0 0 0 -2.4v-1.84a1.2 1.2 0 0 0 0 -2.4v-1.84a1.2 1.2 0 0 0 0 -2.4v-1.84a1.2 1.2 0 0 0 0 -2.4v-2.2z';

export function Mark({ size = 28 }: { readonly size?: number }) {
  return (
    <svg class="mark" viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <path fill="currentColor" d={stamp} />
      <path
        class="cut"
        fill="none"
        stroke-width="2.2"
        stroke-linecap="round"
        stroke-linejoin="round"
        d="M12.5 10.5 19 16l-6.5 5.5M8 13.2h3M8 18.8h3M19 16h5"
      />
    </svg>
  );
}
