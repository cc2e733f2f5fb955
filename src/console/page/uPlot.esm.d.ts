// The charts' library, as it is served beside the page's own modules (../page-files: from the installed package).
import uPlot from 'uplot';

export default uPlot;
