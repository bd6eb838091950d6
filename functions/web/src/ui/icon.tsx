// The icons, drawn in lines on a grid of 24. They are decoration: what a control does is in its
// text or its label.
const PATHS = {
  home: "M4 11.5 12 5l8 6.5V20h-5.5v-5h-5v5H4z",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16",
  today: "M5 6h14v14H5zM5 10.5h14M9 3.5V7M15 3.5V7",
  settings: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h9M17 17h3M15 5v4M9 10v4M15 15v4",
  back: "M14.5 5.5 8 12l6.5 6.5",
  forward: "M9.5 5.5 16 12l-6.5 6.5",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  alert: "M12 4 2.8 20h18.4zM12 10v4.5M12 17v.5",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.5V8",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  "eye-off":
    "M4 4l16 16M6.5 7.2C4 9 2.5 12 2.5 12S6 18.5 12 18.5c1.7 0 3.2-.5 4.5-1.2M10 5.7a8 8 0 0 1 2-.2c6 0 9.5 6.5 9.5 6.5s-.7 1.3-2 2.7",
  "no-network":
    "M4 4l16 16M8.5 15a5 5 0 0 1 7 0M5 11.5a10 10 0 0 1 4.5-2.6M14 8.8a10 10 0 0 1 5 2.7M12 19v.2",
  token: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 8v8M9 10.5h6",
  buy: "M4 5h2.5l2 10.5h9L20 8H7.2M9.5 19.5v.2M16.5 19.5v.2",
  order: "M5 11h14M6 11a6 6 0 0 1 12 0M4 15h16l-1 4H5zM12 5V3.5",
  leave: "M5 6h14v14H5zM5 10.5h14M9 3.5V7M15 3.5V7M9.5 15.5h5",
  history: "M4.5 12a7.5 7.5 0 1 1 2.2 5.3M4.5 12l-1.5-2M4.5 12l2-1.5M12 8v4.5l3 1.5",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c.6-3.8 3.5-6 7.5-6s6.9 2.2 7.5 6",
  users:
    "M9 12a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.5-3.2 3-5 6.5-5s6 1.8 6.5 5M16 5.5a3.5 3.5 0 0 1 0 6.5M18 15c2 .7 3.2 2.3 3.5 4.5",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  list: "M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5v.2M4.5 12v.2M4.5 17.5v.2",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  chart: "M4 20h16M7 16v-4M12 16V6M17 16V9.5",
  download: "M12 4v11M7.5 11 12 15.5 16.5 11M5 19.5h14",
  upload: "M12 15.5V4.5M7.5 9 12 4.5 16.5 9M5 19.5h14",
  undo: "M9 6 4.5 10.5 9 15M4.5 10.5H15a4.5 4.5 0 0 1 0 9h-3",
  sound: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  "sound-off": "M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  search: "M11 17a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM15.5 15.5 20 20",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  more: "M5.5 12v.2M12 12v.2M18.5 12v.2",
  money: "M4 6.5h16v11H4zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7 9v.2M17 15v.2",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  const mirrored = name === "back" || name === "forward" || name === "undo";
  return (
    <svg
      class={mirrored ? "icon icon-directional" : "icon"}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
