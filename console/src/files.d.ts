// What Vite makes of imports that are not code.

declare module '*.css';
declare module '@fontsource-variable/inter/wght.css';
declare module 'uplot/dist/uPlot.min.css';
